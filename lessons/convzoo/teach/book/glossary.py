"""The glossary of the book, and links to it where a lesson first uses a word."""

from __future__ import annotations

import re
from copy import deepcopy

_ROW = re.compile(r"^\| \*\*(.+?)\*\*(.*?) \| (.+?) \| ([\d, ]+) \|$", re.MULTILINE)
# What is no prose in a markdown cell: code, formulas, links and pictures, HTML, headings, tables.
_KEPT = re.compile(
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|!?\[[^\]]*\]\([^)]*\)|<[^>]+>|^#.*?$|^\|.*?$",
    re.DOTALL | re.MULTILINE,
)
_NO_LINK = {"n", "c", "h", "w", "MACs", "launches", "parameters"}  # too short, or on every page


def definitions(guide: str) -> list[tuple[list[str], str, str]]:
    """Return (words, meaning, lessons) for each row of the glossary in lessons/README.md."""
    return [
        (re.split(r", ", re.sub(r" \(\w+\)", "", words)), meaning, lessons.strip())
        for words, _, meaning, lessons in _ROW.findall(guide)
    ]


def glossary_page(terms: list[tuple[list[str], str, str]]) -> str:
    """Return the glossary as a page, with a target for each entry."""
    out = ["# Glossary", "", "One word for one thing, in all lessons.", ""]
    for words, meaning, lessons in terms:
        out += [f"({anchor(words)})=", f"**{', '.join(words)}**", f": {meaning} (lesson {lessons})"]
        out.append("")
    return "\n".join(out)


def anchor(words: list[str]) -> str:
    """Return the target of an entry."""
    return "word-" + re.sub(r"[^a-z0-9]+", "-", words[0].lower()).strip("-")


def linked(notebook: dict, terms: list[tuple[list[str], str, str]]) -> dict:
    """Return a notebook in which the first use of each word of the glossary links to it."""
    notebook = deepcopy(notebook)
    left = {w: anchor(words) for words, _, _ in terms for w in words if w not in _NO_LINK}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and left:
            cell["source"] = _with_links("".join(cell["source"]), left)
    return notebook


def _with_links(text: str, left: dict[str, str]) -> str:
    """Link the first use of each word that is `left`, outside of code and formulas."""
    parts, at = [], 0
    for kept in _KEPT.finditer(text):
        parts += [_prose(text[at : kept.start()], left), kept[0]]
        at = kept.end()
    return "".join([*parts, _prose(text[at:], left)])


def _prose(text: str, left: dict[str, str]) -> str:
    if not left:
        return text
    longest = sorted(left, key=len, reverse=True)
    any_word = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest))})(s?)(?![\w-])", re.I)
    known = {word.lower(): word for word in left}

    def link(found: re.Match) -> str:
        word = known[found[1].lower()]
        if word not in left:
            return found[0]
        target = left[word]
        for other in [w for w, to in left.items() if to == target]:
            del left[other]
        return f"[{found[0]}](#{target})"

    return any_word.sub(link, text)

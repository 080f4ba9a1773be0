"""A short list of idioms that must not come back into anything that somebody reads.

It guards plain English and does not replace reading. Strings, docstrings and comments are read;
the names in the code are not.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IDIOMS = {  # what must not occur: what to write instead
    r"\b[Mm]end(s|ed|ing)?\b": "fix",
    r"\bdear(er|est)?\b": "expensive",
    r"\bhand(s|ed)? on\b": "pass on",
    r"\btold\b(?! apart)": "said, shown, reported",
    r"\bbe it (a|an|one|the)\b": "whether it is",
    r"\bas (it|they) stands?\b": "as it is",
    r"\b(stand|stands|stood) (above|at|behind|below|beside|next to|out of|straight|there)\b": "is",
    r"\bstands? in (a|an|front|its|place|the|this)\b": "is in",
    r"\b[Ww]ho(ever)? nobody\b": "that no other",
    r"(?<![Tt]here )\bis no (array|class|file|image|layer|method|module|notebook)\b": "is not",
    r"(?<![Tt]here )\bis no (number|ordinary|Python|table|tensor|text|time|zero|zip)\b": "is not",
    r"\bis no nn\.Module\b": "is not an nn.Module",
    r"\bdefines no\b": "does not define",
    r"\b(that|whose \w+|whose list of \w+) (is|are) none\b": "invalid",
    r"\b(he|[Hh]is|[Hh]im|himself)\b|\bHe (?!et al)[a-z]": "they",  # He is an author, too
    r"\bin place of (her|him)\b": "instead of them",
    r"\basks? for (equal|help)\b": "needs",
    r"\bAsked is\b": "The question asks for",
    r"\bNot as you said\b": "Your guess was different",
    r"\b[Gg]ive back\b": "return",
    r"\bgoes on (from|there|where|with)\b": "continues",
    r"\b(if|unless) not given\b|\bwhere not given\b": "default",
    r", say; else\b": "for example; default",
    r"\b[Rr]aises? \w+,? where\b": "if",
    r"\bto the digit\b": "exactly",
    r"\b[Mm]ake room\b": "free some space",
    r"\bof a (reader|student|teacher)'s\b(?! \w)": "a student's",
    r"\bput to the test by\b": "tested by",
}


def read_files() -> list[Path]:
    found = [*ROOT.glob("lessons/convzoo/**/*"), *ROOT.glob("solutions/*.py"), ROOT / "README.md"]
    found += [*ROOT.glob("figures/*.py"), ROOT / "lessons/README.md", ROOT / "solutions/README.md"]
    return [path for path in found if path.suffix in (".py", ".md", ".j2")]


def texts_in(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what can be read in a file, with its line: strings, and comments of several lines."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield 1, source
        return
    fields = set()  # strings in an f-string are read with it
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            fields |= {id(part) for part in node.values}
            parts = [p.value if isinstance(p, ast.Constant) else "{}" for p in node.values]
            yield node.lineno, " ".join("".join(parts).split())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in fields:
                yield node.lineno, " ".join(node.value.split())
    yield from comments_in(source)


def comments_in(source: str) -> Iterator[tuple[int, str]]:
    kept: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if kept and token.start[0] > last + 1:
            yield first, " ".join(kept)
            kept = []
        first, last = (first if kept else token.start[0]), token.start[0]
        kept.append(token.string.lstrip("# "))
    yield first, " ".join(kept)


@pytest.mark.parametrize("path", read_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_said_in_a_worn_idiom(path):
    found = [
        f"line {line}: ...{text[max(0, hit.start() - 40) : hit.end() + 40]}... (write: {better})"
        for line, text in texts_in(path)
        for idiom, better in IDIOMS.items()
        for hit in re.finditer(idiom, text)
    ]
    assert not found, "\n".join(found)


def test_the_guard_reads_strings_and_comments_and_no_names(tmp_path):
    path = tmp_path / "a.py"
    lines = [
        "# the line",
        "# that he wrote",
        'told = "a"',
        'print(f"{told} Mend "',
        '  "that line")',
    ]
    path.write_text("\n".join(lines))
    texts = [text for _, text in texts_in(path)]
    assert sorted(texts) == ["a", "the line that he wrote", "{} Mend that line"]
    assert sum(bool(re.search(idiom, text)) for text in texts for idiom in IDIOMS) == 2

"""Writes and grades a class that is always the same, to compare two versions of the course.

    python tests/fixed_class.py FOLDER

FOLDER/in gets some forty submissions of lessons 00 to 03, without those that play with time, memory
or processes; FOLDER/out what `python -m convzoo grade` makes of them, with a secret that is always
the same. Copied into tests/ of an older version it makes the class of that version: marks and
pages must be equal to the byte.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from made_attacks import shortcuts, unreadable
from made_class import (
    BLOCKS,
    CONV,
    ROOT,
    Made,
    all_right,
    clean,
    hand_in,
    head,
    honest,
    moved,
    own,
    right,
    several,
)
from made_hostile import hostile

SECRET = "a secret for tests, always the same\n"
STEADY = ("nan", "infinite", "complex", "empty-result", "lying-tensor", "patch-case", "sys-exit")
TAG = "<script>alert('a & \"b\"')</script>"


def answered(lesson: str, right_ones: bool) -> dict[str, str]:
    """Answers to a lesson's short questions, and hostile text for its free ones."""
    cells = {}
    for id in clean(lesson).ids("question"):
        cells[id] = right(id, lesson) if right_ones else head(id, "question") + "answer = 10"
    free = dict.fromkeys(clean(lesson).ids("free"), f"=1+1 {TAG} & that is all")
    return cells | free


def strings() -> list[Made]:
    """Text that must stay text wherever it comes out."""
    raises = f"def block_diagonal(blocks):\n    raise ValueError({TAG!r})\n"
    answer = f"answer = {TAG!r}"
    odd = {id: head(id, "question") + answer for id in clean().ids("question")}
    return [
        Made("<b>bold</b> & 'quoted'", own(raises) | odd),
        Made("no-python-tag", own(f"def block_diagonal(blocks): {TAG}\n")),
        Made("=SUM(A1)", {BLOCKS: right(BLOCKS)}),
    ]


def fixed() -> list[Made]:
    """The whole class."""
    made = [*honest(), *moved(), *strings()]
    made += [m for m in hostile() if m.name in STEADY]
    made += shortcuts()
    made += [m for m in several() if m.lesson in ("00_convolution", "01_resnet")]
    for lesson in ("00_convolution", "02_resnext", "03_densenet"):
        made.append(Made(f"whole-{lesson[:2]}", all_right(lesson), lesson=lesson))
        for truth in (True, False):
            cells = answered(lesson, truth)
            made.append(Made(f"answers-{lesson[:2]}-{truth}", cells, lesson=lesson))
    made.append(Made("again", {CONV: right(CONV)} | own("x = 1\n")))
    return made


def main(folder: Path) -> None:
    place, out, secret = folder / "in", folder / "out", folder / "secret"
    for made in fixed():
        hand_in(place, made)
    for name in ("empty", "junk", "cut-off"):
        hand_in(place, Made(name, raw=unreadable()[name]))
    secret.write_text(SECRET)
    words = [sys.executable, "-m", "convzoo", "grade", str(place), "--out", str(out)]
    print(len(fixed()), "submissions")
    subprocess.run([*words, "--secret", str(secret), "--jobs", "1"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

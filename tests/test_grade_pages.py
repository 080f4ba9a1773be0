"""Pages for students and the teacher: whatever is in a field comes out as text."""

import fnmatch
import tomllib
from dataclasses import fields, replace
from html.parser import HTMLParser

import pytest
from convzoo.place import LIBRARY
from convzoo.teach.grade.intake.collect import Collected, Handed
from convzoo.teach.grade.intake.files import Notice
from convzoo.teach.grade.mark.marks import Graded, Item
from convzoo.teach.grade.mark.plan import Submission
from convzoo.teach.grade.out import classpage, feedback
from convzoo.teach.grade.run import Entry
from made_class import ROOT

HOSTILE = "</pre></td>\"'><script src=//x onload=y>alert(1)</script>{{ 7 * 6 }}&amp;"
ALLOWED = set(
    "html head meta title style body h1 h2 h3 p strong span br pre ul li table thead tbody tr th "
    "td svg text rect".split()
)


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, source: str):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def hostile(entry, **kept):
    """A dataclass whose every text is hostile, but for those that are `kept`."""
    texts = {f.name: HOSTILE for f in fields(entry) if isinstance(getattr(entry, f.name), str)}
    return replace(entry, **{**texts, **kept})


def entries() -> list[Entry]:
    items = [
        hostile(Item("a", "question", "", 2.0, 0.0, "wrong"), kind="question"),
        hostile(Item("b", "exercise", "", 2.0, None, "failed"), status="failed"),
        hostile(Item("c", "exercise", "", 2.0, 1.5, "passed")),
    ]
    graded = hostile(Graded("", "", "graded", "", tuple(items), (HOSTILE,)), status="graded")
    handed = hostile(Handed("", "", Submission(None, None), ""), student="anna")
    failed = replace(graded, status=HOSTILE)
    return [Entry(handed, graded), Entry(replace(handed, late=True), failed)]


def collected() -> Collected:
    found = Collected(students={"anna": {"name": HOSTILE}})
    found.notices = [Notice("missing", "anna", HOSTILE, HOSTILE)]
    return found


@pytest.mark.parametrize(
    "source",
    [
        lambda: feedback.page("anna", entries(), collected()),
        lambda: classpage.page(entries(), collected(), [HOSTILE]),
    ],
    ids=["feedback", "class"],
)
def test_every_hostile_field_stays_text(source):
    page = Page(source())
    assert page.tags <= ALLOWED
    assert not [name for name, _ in page.attributes if name.startswith(("on", "src", "href"))]
    assert page.text.count(HOSTILE) >= 8 and "42" not in page.text
    policy = dict(page.attributes)["content"]
    assert ("content", policy) in page.attributes and "default-src 'none'" in source()


def test_templates_are_installed_with_the_library():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]
    templates = list(LIBRARY.rglob("*.j2"))
    assert len(templates) >= 5
    for path in templates:
        package = ".".join(path.parent.relative_to(LIBRARY.parent).parts)
        assert any(fnmatch.fnmatch(path.name, pattern) for pattern in data[package])

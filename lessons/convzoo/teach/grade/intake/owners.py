"""Whose file it is, from the names that students, teachers and LMSs give to files.

An LMS's names count only where the LMS puts them: at the top of its zip file or of the teacher's
folder. Anything deeper was named by a student.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field, replace

from convzoo import ideas

SUFFIXES = (".ipynb", ".py")
DOCUMENTS = (".html", ".htm", ".pdf", ".doc", ".docx", ".odt", ".rtf", ".webarchive")
ARCHIVES = (".zip", ".7z", ".rar", ".gz", ".tar")
MANY = 4  # folders with a lesson: this many are students, and not old copies
SUBMITTED = "submitted"  # nbgrader's folder with the students' folders
MAX_AROUND = 3  # folders around the students' folders

# Moodle: "Jane Doe_12345_assignsubmission_file_" as a folder, or in front of the file's name;
# "onlinetext" where a student typed a text.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<rest>.*)$", re.DOTALL)
# Canvas (lib/content_zipper.rb): "doejane_LATE_12345_67890_02_resnext.ipynb"; names hidden:
# "LATE_anon_5rT9x_67890_02_resnext.ipynb"; a typed text or an address: "doejane_12345_text.html".
_CANVAS = re.compile(
    r"(?:(?P<hidden_late>LATE_)?anon_(?P<anonymous>[0-9A-Za-z]+)|"
    r"(?P<name>\w*?)_(?P<late>LATE_)?(?P<id>\d+))_"
    r"(?:(?P<file>\d+)_(?P<rest>.+)|(?P<typed>(?:text|link)\.html))$",
    re.DOTALL,
)


@dataclass(frozen=True)
class Owner:
    """Whose a file is. ids: the student's names in an LMS; name: the file's name as its owner gave
    it. order: of several files of a lesson, the one with the highest order was handed in last.
    """

    student: str
    ids: dict[str, str] = field(default_factory=dict)
    name: str = ""
    late: bool | None = None
    order: int = 0


@dataclass(frozen=True)
class Arrangement:
    """How files are sorted by student: by a folder for each or by an LMS's names, inside `around`.
    student: the owner of all files, "" if there are several.
    """

    around: tuple[str, ...] = ()
    student: str = ""

    def owner(self, parts: list[str]) -> Owner | None:
        """Return whose file a path is, None if nobody's."""
        if self.student:
            return Owner(student_id(self.student), {}, parts[-1])
        inner = parts[len(self.around) :]
        if tuple(parts[: len(self.around)]) != self.around or not inner:
            return None
        if len(inner) == 1:
            return upload_owner(inner[0])
        return replace(folder_owner(inner[0]), name=inner[-1])


def arrange(paths: list[list[str]], name: str, alone: bool) -> Arrangement:
    """Return how the files of a zip file (or folder) are sorted by student.

    name: its name, which is also the student's if they own all of it; alone: whether it is the only
    submission, so that it is the teacher's. Otherwise a student may have made it, and its contents
    must look like a whole class.
    """
    around: tuple[str, ...] = ()
    while len(around) <= MAX_AROUND:
        if _of_several(paths, alone and set(around) <= {SUBMITTED}):
            return Arrangement(around)
        folders = {p[0] for p in paths if len(p) > 1 and is_lesson_file(p[-1])}
        if len(folders) != 1 or any(len(p) == 1 and is_lesson_file(p[0]) for p in paths):
            break
        around += (folders.pop(),)
        paths = [p[1:] for p in paths if p[0] == around[-1] and len(p) > 1]
    folders = [f for f in around if f not in (SUBMITTED, *_lesson_names())] if alone else []
    return Arrangement(student=[*folders, name][0])


def _of_several(paths: list[list[str]], teachers: bool) -> bool:
    """Return whether the folders and files at the top belong to several students."""
    tops = {p[0] for p in paths if len(p) > 1}
    lesson_here = any(
        len(p) == 1 and is_lesson_file(p[0]) and not upload_owner(p[0]) for p in paths
    )
    by_lms = {o.student for p in paths if len(p) == 1 and (o := upload_owner(p[0]))}
    by_lms |= {folder_owner(top).student for top in tops if _MOODLE.match(top)}
    if by_lms and (teachers or (len(by_lms) > 1 and not lesson_here)):
        return True
    wanted = is_handed_file if teachers else is_lesson_file
    students = {p[0] for p in paths if len(p) > 1 and wanted(p[-1])} - _lesson_names()
    return len(students) >= (MANY if lesson_here and not teachers else 2)


def _lesson_names() -> set[str]:
    """Return the possible names of a lesson's folder: "02_resnext", or "resnext"."""
    return {*ideas.lessons(), *ideas.lessons().values()}


def is_lesson_file(name: str) -> bool:
    """Return whether a file looks like a lesson: a notebook, or a script with a lesson's name."""
    script = name.endswith(".py") and name.startswith(tuple(ideas.lessons().values()))
    return script or name.lower().endswith(".ipynb")


def is_handed_file(name: str) -> bool:
    """Return whether a file may be somebody's work, whether or not it can be graded."""
    return name.lower().endswith((*SUFFIXES, *DOCUMENTS, *ARCHIVES))


def is_inside(path: str) -> bool:
    """Return whether a path in a zip file stays inside the folder that it is unpacked into."""
    parts = path.replace("\\", "/").split("/")
    return not (path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in path)


def upload_owner(name: str) -> Owner | None:
    """Return whose a file is by its LMS name, None if it has none."""
    if match := _MOODLE.match(name):
        return replace(_moodle(match), name=match["rest"] or name)
    if not (match := _CANVAS.match(name)):
        return None
    if hidden := match["anonymous"]:
        student, ids = student_id(f"anon_{hidden}"), {"anonymous": hidden}
    else:
        student = student_id(f"{match['name'] or 'student'}_{match['id']}")
        ids = {"canvas": match["id"], "name": match["name"]}
    late = bool(match["late"] or match["hidden_late"])
    return Owner(student, ids, match["rest"] or match["typed"], late, int(match["file"] or 0))


def folder_owner(name: str) -> Owner:
    """Return whose a folder is, by its name."""
    match = _MOODLE.match(name)
    return _moodle(match) if match else Owner(student_id(name))


def _moodle(match: re.Match) -> Owner:
    name = unicodedata.normalize("NFC", match["name"])
    return Owner(student_id(f"{name}_{match['id']}"), {"moodle": match["id"], "name": name})


def student_id(name: str) -> str:
    """Return a student's id: their name. If it must be changed to be shown, it stays different from
    others. A name is the same in whichever form its accents are written."""
    name = unicodedata.normalize("NFC", name)
    plain = printable(name)
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return plain if plain == name and plain else f"{plain or 'unnamed'} ({mark})"


def printable(name: str, most: int = 120) -> str:
    """Return a stranger's name in printable characters, as one short line."""
    kept = "".join(c if c.isprintable() else "?" for c in name[:most])
    return kept.encode("utf-8", "replace").decode().strip()

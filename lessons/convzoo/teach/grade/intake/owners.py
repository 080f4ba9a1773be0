"""Whose file it is, from the names that students, teachers and LMSs give to files."""

from __future__ import annotations

import hashlib
import re

SUFFIXES = (".ipynb", ".py")

# Moodle: "Jane Doe_12345_assignsubmission_file_" as a folder, or in front of the file's name.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?(?P<rest>.*)$", re.DOTALL)
# Canvas: "doejane_LATE_12345_67890_02_resnext.ipynb"; "anon_5rT9x" where names are hidden.
_CANVAS = re.compile(
    r"(?:(?P<name>\w*?)_)?(?:(?P<late>LATE)_)?(?P<id>\d+|anon_[0-9A-Za-z]+)_(?P<file>\d+)_"
    r"(?P<rest>.+)$",
    re.DOTALL,
)


def class_folder(paths: list[list[str]]) -> str:
    """Return the one folder in a zip file that contains all students' folders, or "".

    It contains two folders or more and nothing else except hidden ones, and each of them contains a
    notebook. If one of them has the name of a notebook in it, they are the lessons of one student.
    """
    tops = {parts[0] for parts in paths}
    if len(tops) != 1 or any(len(parts) < 3 for parts in paths):
        return ""
    notebooks: dict[str, list[str]] = {}
    for _, folder, *_, file in paths:
        if not folder.startswith("."):
            notebooks.setdefault(folder, [])
            notebooks[folder] += [file] if file.lower().endswith(".ipynb") else []
    lessons = any(file.startswith(name) for name, files in notebooks.items() for file in files)
    students = len(notebooks) > 1 and all(notebooks.values()) and not lessons
    return tops.pop() if students else ""


def owner_in_zip(parts: list[str], whole: str, top: str = ""):
    """Return whose file a path in a zip file is; None if nobody's, or if the path leaves the
    folder.

    top: the folder around all students' folders, if there is one.
    """
    if whole.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in whole:
        return None
    for i, part in enumerate(parts[:-1]):
        if match := _MOODLE.match(part):
            student, lms = _moodle(match)
            return student, lms, None, parts[-1], i
    if of_lms := owner_by_name(parts[-1]):
        return of_lms
    folders = [p for p in parts[1 if top else 0 : -1] if p and p != "submitted"]
    if not folders or (top and folders[0].startswith(".")):
        return None
    return _id(folders[0]), {}, None, parts[-1], 0


def owner_by_name(name: str):
    """Return student, ids, lateness, file name and order from an LMS's file name."""
    if match := _MOODLE.match(name):
        student, lms = _moodle(match)
        return student, lms, None, match["rest"] or name, 0
    match = _CANVAS.match(name)
    if match and name.lower().endswith(SUFFIXES):
        student = _id(f"{match['name'] or 'student'}_{match['id']}")
        return (
            student,
            {"canvas": match["id"], "name": match["name"] or ""},
            bool(match["late"]),
            match["rest"],
            int(match["file"]),
        )
    return None


def owner_of_folder(name: str) -> tuple[str, dict[str, str]]:
    """Return student and ids from the name of a folder."""
    match = _MOODLE.match(name)
    return _moodle(match) if match else (_id(name), {})


def _moodle(match: re.Match) -> tuple[str, dict[str, str]]:
    lms = {"moodle": match["id"], "name": match["name"]}
    return _id(f"{match['name']}_{match['id']}"), lms


def _id(name: str) -> str:
    """Return a student's id: their name. If it must be changed to be shown, it stays different from
    others."""
    plain = printable(name)
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return plain if plain == name and plain else f"{plain or 'unnamed'} ({mark})"


def printable(name: str, most: int = 120) -> str:
    """Return a stranger's name in printable characters, as one short line."""
    kept = "".join(c if c.isprintable() else "?" for c in name[:most])
    return kept.encode("utf-8", "replace").decode().strip()

"""nbgrader keeps the gradebook but never runs a student's code: two of its steps are ours.

`Marks` replaces nbgrader's Execute and takes a submission's marks from the last run of `python -m
convzoo grade`, or makes them; `SaveMarks` writes them where nbgrader would have written what the
student's own process printed. `Stubs` replaces ClearSolutions. Gradebook, manual marks, late
penalties, feedback and export are nbgrader's.
"""

from __future__ import annotations

import json
from pathlib import Path

from nbformat import from_dict
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool, Unicode

from convzoo.notebook.cells import Cell
from convzoo.notebook.reading import parse
from convzoo.teach.grade.box.sandbox import Limits
from convzoo.teach.grade.mark.marks import Graded, Item
from convzoo.teach.grade.mark.plan import plans, transplant
from convzoo.teach.grade.mark.workers import Task, perform
from convzoo.teach.grade.results import load_result, read_secret
from convzoo.teach.regions import stub


class NotGradedError(RuntimeError):
    """No mark was made, so none is written; nbgrader tries again the next time."""


def grade_id(id: str) -> str:
    """Return an exercise's id in the form that nbgrader allows."""
    return id.replace(".", "-")


class Marks(NbGraderPreprocessor):
    """Takes or makes the marks of a submission, and writes the messages below its cells."""

    root = Unicode(help="The course's own folder").tag(config=True)
    out = Unicode("marks", help="The --out of `python -m convzoo grade`").tag(config=True)
    unsandboxed = Bool(False, help="Grade without a sandbox").tag(config=True)

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        lesson, student = names["notebook"], names["student"]
        known = plans(Path(self.root))
        if lesson not in known:
            return nb, resources
        submission = transplant(known[lesson], parse(json.dumps(nb), lesson))
        out = Path(self.out)
        out.mkdir(parents=True, exist_ok=True)
        secret = read_secret(out / ".secret", create=True)
        graded = self._kept(out, student, lesson, submission.key(student, secret))
        if graded is None:
            (graded,) = perform(
                Task(student, (submission,), secret, Limits(), not self.unsandboxed)
            )
        if graded.status != "graded":
            raise NotGradedError(f"{student}, {lesson}: not graded. {graded.reason}")
        items = {grade_id(item.id): item for item in graded.items}
        resources["convzoo"] = items
        for cell in nb.cells:
            item = items.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
            if item and cell.cell_type == "code":
                cell.outputs = [new_output("stream", name="stdout", text=_output_text(item))]
        return _harmless(nb), resources

    def _kept(self, out: Path, student: str, lesson: str, key: str) -> Graded | None:
        found = load_result(out, student, lesson)
        usable = found and found.status == "graded" and (found.sandboxed or self.unsandboxed)
        return found if usable and found.key == key else None


def _harmless(nb):
    """Return the notebook as the formgrader and a feedback page may show it: HTML as text, no
    state."""
    for cell in nb.cells:
        if cell.cell_type != "code":
            cell.source = cell.source.replace("<", "&lt;")
            cell.pop("attachments", None)
    nb.metadata = from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return nb


def _output_text(item: Item) -> str:
    earned = "-" if item.earned is None else f"{item.earned:g}"
    head = f"{item.id}: {item.status}, {earned} of {item.points:g} points"
    return "\n".join(filter(None, (head, item.message))) + "\n"


class SaveMarks(SaveAutoGrades):
    """Writes our marks into the gradebook. The notebook's outputs are not read."""

    def preprocess(self, nb, resources):
        self._items = resources.get("convzoo", {})
        return super().preprocess(nb, resources)

    def _add_score(self, cell, resources):
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(
            name, self.notebook_id, self.assignment_id, self.student_id
        )
        item = self._items.get(name)
        earned = item.earned if item else 0.0
        grade.auto_score = None if earned is None else min(earned, grade.cell.max_score)
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        self.gradebook.db.commit()


class Stubs(NbGraderPreprocessor):
    """Makes the release: our stubs instead of the answers, and no cell that only the solution
    has."""

    def preprocess(self, nb, resources):
        kept = []
        for node in nb.cells:
            cell = stub(Cell(node.cell_type, node.source, json.loads(json.dumps(node.metadata))))
            if "answer" in cell.tags:
                continue
            node.source = cell.source
            node.metadata["tags"] = list(cell.tags)
            kept.append(node)
        nb.cells = kept
        return nb, resources

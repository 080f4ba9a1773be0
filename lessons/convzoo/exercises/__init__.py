"""Exercises, short questions and predictions, and what a lesson calls to use them."""

from convzoo.exercises.predictions import predict  # first: its module bears a function's name

from convzoo.exercises.catalogue import catalogue, of_lesson, predictions, questions  # isort: skip
from convzoo.exercises.judge import compare, judge
from convzoo.exercises.model import STAGES, Exercise, Shortcut, Verdict, Wrong
from convzoo.exercises.notebook import ask, begin, check, hint, use
from convzoo.exercises.questions import Belief, Question

__all__ = [
    "STAGES", "Belief", "Exercise", "Question", "Shortcut", "Verdict", "Wrong",
    "ask", "begin", "catalogue", "check", "compare", "hint", "judge", "of_lesson", "predict",
    "predictions", "questions", "use",
]  # fmt: skip

"""Exercises, short questions and predictions: the engine, and what a lesson calls to use it."""

from convzoo.exercises.calls import ask, begin, check, hint, predict, use
from convzoo.exercises.catalogue import all_exercises, all_predictions, all_questions, of_lesson
from convzoo.exercises.judge import assess, compare
from convzoo.exercises.model import STAGES, Exercise, Mistake, Shortcut, Verdict
from convzoo.exercises.questions import Belief, Question

__all__ = [
    "STAGES",
    "Belief",
    "Exercise",
    "Question",
    "Shortcut",
    "Verdict",
    "Mistake",
    "all_exercises",
    "all_predictions",
    "all_questions",
    "ask",
    "assess",
    "begin",
    "check",
    "compare",
    "hint",
    "of_lesson",
    "predict",
    "use",
]

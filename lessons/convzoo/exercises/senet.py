"""Lesson 04: how far a layer sees, the lecture's gate and the paper's; and its further parts."""

from __future__ import annotations

from convzoo.exercises.senet_block import SE_BLOCK
from convzoo.exercises.senet_field import FIELD_SIZES
from convzoo.exercises.senet_lecture import LECTURE_GATE
from convzoo.exercises.senet_live import LIVE_MATRIX
from convzoo.exercises.senet_paper import SQUEEZE_EXCITE
from convzoo.exercises.senet_questions import PREDICTIONS, QUESTIONS

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

EXERCISES = (FIELD_SIZES, LECTURE_GATE, SQUEEZE_EXCITE, LIVE_MATRIX, SE_BLOCK)

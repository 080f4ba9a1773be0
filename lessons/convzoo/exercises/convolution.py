"""Lesson 00: a 1x1, a k x k and a stack; and its further parts."""

from __future__ import annotations

from convzoo.exercises.convolution_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.convolution_inception import INCEPTION
from convzoo.exercises.convolution_kernel import CONV2D
from convzoo.exercises.convolution_norm import BATCH_NORM
from convzoo.exercises.convolution_one import CONV1X1
from convzoo.exercises.convolution_stack import STACK

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

EXERCISES = (CONV1X1, CONV2D, STACK, BATCH_NORM, INCEPTION)

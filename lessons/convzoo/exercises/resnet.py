"""Lesson 01: a residual stack, the basic block and what reaches a scale; and its further parts."""

from __future__ import annotations

from convzoo.exercises.resnet_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.resnet_blocks import BASIC_BLOCK
from convzoo.exercises.resnet_bottleneck import BOTTLENECK
from convzoo.exercises.resnet_scale import SCALE_GRADIENTS
from convzoo.exercises.resnet_shortcut import PAD_SHORTCUT
from convzoo.exercises.resnet_stack import RESIDUAL_STACK

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

EXERCISES = (RESIDUAL_STACK, BASIC_BLOCK, SCALE_GRADIENTS, PAD_SHORTCUT, BOTTLENECK)

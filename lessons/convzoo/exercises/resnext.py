"""Lesson 02: blocks on a diagonal, the grouped convolution and the block; and its further parts."""

from __future__ import annotations

from convzoo.exercises.resnext_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.resnext_block import BLOCK
from convzoo.exercises.resnext_diagonal import BLOCK_DIAGONAL
from convzoo.exercises.resnext_further import INDEX_BYTES, OFF_DIAGONAL
from convzoo.exercises.resnext_grouped import GROUPED_CONV2D
from convzoo.exercises.resnext_width import GROUP_WIDTH

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

EXERCISES = (BLOCK_DIAGONAL, GROUPED_CONV2D, BLOCK, INDEX_BYTES, OFF_DIAGONAL, GROUP_WIDTH)

"""Lesson 05: a permutation."""

LESSON = "05_shufflenet"
FAMILIES = ("shufflenet",)  # of the networks that its reader builds

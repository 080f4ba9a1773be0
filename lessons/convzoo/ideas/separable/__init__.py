"""Lesson 06: a diagonal for each tap, then a full matrix."""

LESSON = "06_separable"
FAMILIES = ("mobilenet",)  # of the networks that its reader builds

"""Lesson 07: all of them."""

LESSON = "07_zoo"
FAMILIES = ()  # of the networks that its reader builds

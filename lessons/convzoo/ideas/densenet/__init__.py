"""Lesson 03: the identity on top, new rows below."""

LESSON = "03_densenet"
FAMILIES = ("densenet",)  # of the networks that its reader builds

"""Lesson 04: a diagonal, computed from the image."""

LESSON = "04_senet"
FAMILIES = ("seresnet", "seresnext")  # of the networks that its reader builds

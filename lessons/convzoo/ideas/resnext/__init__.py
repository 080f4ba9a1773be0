"""Lesson 02: block-diagonal."""

LESSON = "02_resnext"
FAMILIES = ("resnext",)  # of the networks that its reader builds

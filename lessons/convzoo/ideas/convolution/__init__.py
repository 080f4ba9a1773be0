"""Lesson 00: a convolution is a matrix."""

LESSON = "00_convolution"
FAMILIES = ("googlenet",)  # of the networks that its reader builds

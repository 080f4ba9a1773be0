"""Lesson 01: the identity plus a full matrix."""

LESSON = "01_resnet"
FAMILIES = ("resnet",)  # of the networks that its reader builds

"""Whose file is this: what was handed in, read and sorted by student."""

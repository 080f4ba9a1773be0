"""Finds out whose file is whose: submissions, read and sorted by student."""

"""A lesson's file, a notebook or its script, as plain cells: read as text, never executed."""

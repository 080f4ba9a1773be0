"""Grades a class: what is handed in is untrusted, and no mark is read from a student's process.

Read in this order: `intake/collect` (what was handed in, by whom), `mark/plan` (the exercises of a
lesson and the cells that a student owns), `box/sandbox` and `box/worker` (their code answers cases
in there), `box/protocol` (raw numbers come out), `mark/marks` (points), `mark/student` (one
student, from cells to marks), `run` (the class), `out/` (what everybody gets), `nbgrader/`.
"""

"""Grades a class: submissions are untrusted, and no mark is read from a student's process.

Read in this order: `intake/collect` (what was handed in, by whom), `mark/plan` (the exercises of a
lesson and the cells that a student owns), `box/sandbox` and `box/worker` (where their code answers
cases), `box/protocol` (raw numbers come out), `mark/running` (the cells that an answer needs),
`mark/marks` (points), `mark/student` (one student, from cells to marks), `run` (the class), `out/`
(what teacher and students get), `nbgrader/`.
"""

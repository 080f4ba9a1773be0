"""Grades a class: what is handed in is untrusted, and no mark is read from a student's process.

Read in this order: `collect` (what was handed in, by whom), `plan` (a lesson's exercises and the
cells that a student owns), `sandbox` and `worker` (his code answers cases in there), `protocol`
(raw numbers come out), `marks` (points), `student` (one student, from cells to marks), `run` (the
class), `feedback`, `classpage` and `tables` (what teacher and students get), `book` (nbgrader).
"""

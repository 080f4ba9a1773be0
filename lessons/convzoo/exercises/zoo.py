"""Lesson 07: a width for a budget, a recipe, the Pareto front; and its further parts."""

from __future__ import annotations

from convzoo.exercises.zoo_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.zoo_chance import CHANCE
from convzoo.exercises.zoo_design import DESIGN
from convzoo.exercises.zoo_front import FRONT
from convzoo.exercises.zoo_schedule import SCHEDULE
from convzoo.exercises.zoo_width import WIDTH

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

EXERCISES = (WIDTH, SCHEDULE, FRONT, DESIGN, CHANCE)

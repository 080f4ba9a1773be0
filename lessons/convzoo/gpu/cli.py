"""The options of the verb `gpu`, and its run; torch is imported only by the run."""

from __future__ import annotations

import argparse

MINUTES = 8.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--parts",
        metavar="PART",
        nargs="+",
        default=[],
        help="tests, kernels, lessons, layers, training, peaks, grouped, sparse; default: all",
    )
    parser.add_argument(
        "--minutes",
        metavar="M",
        type=float,
        default=MINUTES,
        help="begin nothing new after this time; default: 8",
    )
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="try a little of every part on any device, into build/gpu",
    )
    parser.add_argument(
        "--again", action="store_true", help="discard earlier results of these parts"
    )
    parser.add_argument(
        "--note", metavar="TEXT", default="", help="what a reader of the numbers should know"
    )


def measure_everything(arguments: argparse.Namespace) -> tuple[dict, list[str], int]:
    """Return the value for --json, the lines for people and the exit status."""
    from convzoo.gpu.day import gpu, value_and_lines

    chosen = arguments.parts, arguments.minutes, arguments.rehearse
    return value_and_lines(gpu(*chosen, arguments.again, arguments.note))

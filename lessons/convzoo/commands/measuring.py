"""The verbs for what measures, trains or counts."""

from __future__ import annotations

import argparse

from convzoo.commands.verb import Arguments, Outcome, Verb


def run_report(arguments: Arguments) -> Outcome:
    from convzoo.measure.device_report import report, value_and_lines

    path = report(arguments.parts, arguments.quick, arguments.again, arguments.note)
    return Outcome(*value_and_lines(path))


def run_gpu(arguments: Arguments) -> Outcome:
    from convzoo.gpu.cli import measure_everything

    return Outcome(*measure_everything(arguments))


def run_experiments(arguments: Arguments) -> Outcome:
    from convzoo.experiments import run, value_and_lines

    paths = run(arguments.name, arguments.seeds, arguments.again, data=arguments.data)
    return Outcome(*value_and_lines(paths))


def run_tables(arguments: Arguments) -> Outcome:
    from convzoo.tables import ROWS, as_lines, compared

    rows = [compared(row) for row in ROWS]
    return Outcome(rows, as_lines(rows))


def run_bench(arguments: Arguments) -> Outcome:
    from convzoo.benchmarks import as_lines, bench

    found = bench(arguments.parts, arguments.seconds)
    return Outcome(found, as_lines(found))


def _parts(parser: argparse.ArgumentParser, names: str) -> None:
    what = f"{names}; default: all"
    parser.add_argument("--parts", metavar="PART", nargs="+", default=[], help=what)


def _report_options(parser: argparse.ArgumentParser) -> None:
    _parts(parser, "peaks, grouped, sparse")
    parser.add_argument(
        "--quick", action="store_true", help="measure only a few points of each part"
    )
    parser.add_argument(
        "--again", action="store_true", help="discard earlier results of these parts"
    )
    parser.add_argument(
        "--note", metavar="TEXT", default="", help="what a reader of the numbers should know"
    )


def _gpu_options(parser: argparse.ArgumentParser) -> None:
    from convzoo.gpu.cli import add_arguments

    add_arguments(parser)


def _bench_options(parser: argparse.ArgumentParser) -> None:
    _parts(parser, "layers, checks, widgets, imports")
    parser.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        default=1.0,
        help="how long to measure each layer's pass; default: 1",
    )


def _experiment_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="*", help="for example off_diagonal; default: all"
    )
    parser.add_argument("--seeds", metavar="N", type=int, default=5, help="default: 5")
    parser.add_argument(
        "--data",
        metavar="IMAGES",
        help="other images, for zoo only: cifar10, fashion_mnist, digits",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="train everything again; earlier results stay until the new ones are complete",
    )


VERBS = {
    "tables": Verb(
        "compare the papers' printed counts with those of the course's own layers",
        run_tables,
        more="If the two differ, the line says why.",
    ),
    "report": Verb(
        "measure this device and write its curves to figures/data",
        run_report,
        _report_options,
        "Takes about ten minutes on an idle machine. Each point is saved as soon as it is "
        "measured, so a stopped run continues where it was. The device is the one that the "
        "lessons use, or CONVZOO_DEVICE.",
    ),
    "gpu": Verb(
        "measure everything there is to measure on an accelerator, for figures/data",
        run_gpu,
        _gpu_options,
        "Takes at most eight minutes on one card. Each result is saved as soon as it is there, so "
        "a stopped run continues where it was; what fails is reported in one sentence, and the "
        "rest goes on. Needs torch, torchvision, scikit-learn and matplotlib, and no Jupyter.",
    ),
    "bench": Verb(
        "compare the speed of the lessons' layers with the framework's, and time what a reader "
        "waits for",
        run_bench,
        _bench_options,
        "Takes about two minutes. The device is the one that the lessons use, or CONVZOO_DEVICE.",
    ),
    "experiments": Verb(
        "train the networks whose results ship in figures/data",
        run_experiments,
        _experiment_options,
        "Each result is saved as soon as its network is trained, so a stopped run continues where "
        "it was.",
    ),
}

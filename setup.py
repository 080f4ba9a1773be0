"""Puts the pictures and the measured curves into a wheel, where there is no `figures/` folder."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FIGURES = [*Path("figures").glob("*.svg"), *Path("figures").glob("data/*.json")]


class WithFigures(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:  # there, they are next to lessons/
            for path in FIGURES:
                target = Path(self.build_lib, "convzoo", path)
                self.mkpath(str(target.parent))
                self.copy_file(str(path), str(target))


setup(cmdclass={"build_py": WithFigures})

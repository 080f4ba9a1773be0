"""The verbs of the command line. Each returns the value that `--json` prints, and the text for
people."""

from __future__ import annotations

from convzoo.commands import learning, making, measuring, teaching

VERBS = learning.VERBS | measuring.VERBS | making.VERBS | teaching.VERBS

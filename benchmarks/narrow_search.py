"""`python -m search.run`, with the published networks made narrow: trials of a second, for `benchmarks.faults`."""

from __future__ import annotations

import sys
from dataclasses import replace

from models.architecture import PUBLISHED, Group

WIDTH = 8


def make_narrow() -> None:
    """Every search that is configured after this starts from the same layers, each of 8 units."""
    for name, network in PUBLISHED.items():
        groups = tuple(Group(WIDTH, group.layers) for group in network.groups)
        PUBLISHED[name] = replace(network, groups=groups)


if __name__ == "__main__":
    make_narrow()
    from search.run import main

    sys.exit(main())

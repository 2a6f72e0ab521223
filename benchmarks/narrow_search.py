"""`python -m search.run`, with the published networks made narrow: trials of a second, for `benchmarks.faults`."""

from __future__ import annotations

import sys
from dataclasses import replace

from models.architecture import Architecture, Group
from models.published import PUBLISHED

WIDTH = 8


def narrow() -> dict[str, Architecture]:
    """The published networks with the same layers, each of 8 units."""
    return {
        name: replace(network, groups=tuple(Group(WIDTH, group.layers) for group in network.groups))
        for name, network in PUBLISHED.items()
    }


if __name__ == "__main__":
    PUBLISHED.update(narrow())
    from search.run import main

    sys.exit(main())

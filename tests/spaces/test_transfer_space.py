"""The ways to begin from a model's weights. Not test_transfer.py: tests/models has one, and pytest wants names once."""

from dataclasses import replace

from models.published import BRNET
from models.recipe import FAST
from models.start import Start
from spaces import build


def test_the_four_ways_to_begin() -> None:
    start = Start("m/1", "0123456789abcdef")
    ways = [candidate.start for candidate in build("transfer", FAST, BRNET, start=start).candidates()]
    assert ways == [None, start, replace(start, pace=0.1), replace(start, frozen=True)]

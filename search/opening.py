"""What a search decides before its first trial, and keeps in its journal: a resumed one begins in the same way."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from search.journal import Journal
from search.samplers import LARGEST_POPULATION, population_for
from spaces import Space

OPENING = "opening"


@dataclass(frozen=True)
class Opening:
    """`points` are parameters of a sampled space that are taken before any is drawn; `population` is NSGA-II's."""

    points: list[dict[str, Any]] = field(default_factory=list)
    population: int = LARGEST_POPULATION


def opening_of(space: Space, trials: int | None, journal: Journal) -> Opening:
    """The opening of the search that the journal is of, decided now where it has not begun.

    `trials` are its candidates, None where time alone ends it. Empty for a search of a version that had none.
    """
    for event in journal.events():
        if event["event"] == OPENING:
            return Opening(**{name: value for name, value in event.items() if name not in ("event", "at")})
        if event["event"] != "session":
            return Opening()
    opening = Opening(list(space.first_points()), population_for(trials))
    journal.write(OPENING, **asdict(opening))
    return opening

"""What a search decides before its first trial, and keeps in its journal: a resumed one begins in the same way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from models.candidate import Candidate
from search.journal import Journal
from search.samplers import LARGEST_POPULATION, population_for
from spaces import Space
from spaces.listed import Listed

OPENING = "opening"


@dataclass(frozen=True)
class Opening:
    """What comes first, and what is known.

    Of a sampled space `points`, parameters that are taken before any is drawn; of a finite one `first`, candidates in
    JSON. `known` holds by their keys what trials came to that earlier searches have trained. The first `free`
    candidates are known altogether, and do not count in `trials=`. `population` is NSGA-II's. `only` are the candidates
    in JSON of a search of some of a finite space, as a reproduction's is of what is missing; empty where it is of all.
    """

    points: list[dict[str, Any]] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    free: int = 0
    population: int = LARGEST_POPULATION
    only: list[str] = field(default_factory=list)

    def within(self, space: Space) -> Space:
        """Of the space that the settings name, what the search is of."""
        return Listed(tuple(map(Candidate.from_json, self.only))) if self.only else space

    def ordered(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The candidates of a finite space, those first that are to come first."""
        left = {candidate.to_json(): candidate for candidate in candidates}
        return [left.pop(text) for text in self.first if text in left] + list(left.values())


def opening_for(space: Space, trials: int | None) -> Opening:
    """That of a search which knows of no other; `trials` are its candidates, None where time alone ends it."""
    return Opening(list(space.first_points()), population=population_for(trials))


def keep(opening: Opening, journal: Journal) -> Opening:
    """Write the opening of a search that has not begun; that which it began with where it has.

    Empty for a search of a version that had none.
    """
    begun = [event for event in journal.events() if event["event"] != "session"]
    if not begun:
        journal.write(OPENING, **asdict(opening))
        return opening
    return kept(journal)


def kept(journal: Journal) -> Opening:
    """The opening of the search that the journal is of."""
    for event in journal.events():
        if event["event"] == OPENING:
            return Opening(**{name: value for name, value in event.items() if name not in ("event", "at")})
    return Opening()

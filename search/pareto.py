"""The end of a search with several objectives: the candidates that no other beats, on the terminal and in MLflow."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from mlflow.entities import RunTag
from rich.console import Console
from rich.table import Table

from models.recipe import Recipe
from search.labels import ERROR_WORDS, counted, name_of, names_stay_whole, with_unit
from search.objectives import dominated_by, front, mean_values, seconds_of
from search.report.wording import number
from search.results import Standing
from search.settings import SECONDS_OF_TRAINING
from search.tracking import Tracker

PARETO_TAG = "pareto"
ON_THE_FRONT, BEATEN = "front", "dominated"

SHOWN = 30
"""Members of the front on the terminal."""


@dataclass(frozen=True)
class Place:
    """A candidate among the others: whether it is on the front, and how many it is at least as good as in all
    objectives and better in one.
    """

    standing: Standing
    is_on_front: bool
    beats: int


def those_that_compare(standings: Sequence[Standing], by_seconds: bool) -> list[Standing]:
    """The candidates with a result; without those cut off by the time budget, which would look quick, by seconds."""
    trained = [standing for standing in standings if standing.trained]
    whole = [standing for standing in trained if not standing.is_cut_off]
    return whole if by_seconds and whole else trained


def places(standings: Sequence[Standing], objectives: Sequence[str]) -> list[Place]:
    """Every candidate whose results compare; those on the front first, the cheapest first, the others by their rank."""
    trained = those_that_compare(standings, by_seconds=SECONDS_OF_TRAINING in objectives)
    points = [mean_values(objectives, standing) for standing in trained]
    beats = dominated_by(points).sum(axis=1) if points else []
    members = front(points)
    others = sorted(set(range(len(points))) - set(members))
    return [Place(trained[n], n in set(members), int(beats[n])) for n in [*members, *others]]


def objective_words(objectives: Sequence[str]) -> str:
    """The objectives for people: `validation MAE, parameters and training seconds`."""
    names = [ERROR_WORDS.get(name.removeprefix("validation_"), name) for name in objectives]
    names = [f"validation {names[0]}", *(name.replace("_", " ") for name in names[1:])]
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def finding(found: Sequence[Place], objectives: Sequence[str]) -> str:
    """How much of the search stands on the front, in a sentence."""
    members = sum(place.is_on_front for place in found)
    return f"Pareto front of {objective_words(objectives)}: {members} of {len(found)} candidates, the cheapest first"


def front_words(standings: Sequence[Standing], objectives: Sequence[str]) -> str:
    """`finding` with the names of ranks: what the run's description says."""
    found = places(standings, objectives)
    ranks = ", ".join(str(place.standing.rank) for place in found if place.is_on_front)
    return f"{finding(found, objectives)}, are those of rank {ranks} (artifacts pareto.csv and pareto.png)"


def show_front(
    standings: Sequence[Standing], objectives: Sequence[str], base: Recipe, unit: str, console: Console
) -> None:
    """Print the members of the front, and which of them was tested."""
    found = places(standings, objectives)
    members = [place for place in found if place.is_on_front]
    error = with_unit(f"validation {ERROR_WORDS[objectives[0].removeprefix('validation_')]}", unit)
    has_spread = any(place.standing.spread is not None for place in members)
    table = Table(box=None, padding=(0, 1))
    rows = [[*_cells(place.standing, base, has_spread), str(place.beats)] for place in members[:SHOWN]]
    whole = names_stay_whole([row[1] for row in rows], console)
    for heading in ("rank", "network", error, *(["spread"] if has_spread else []), "parameters", "seconds", "beats"):
        is_name = heading == "network"
        table.add_column(heading, justify="left" if is_name else "right", no_wrap=is_name and whole)
    for row in rows:
        table.add_row(*row)
    console.print(f"\n{finding(found, objectives)}", highlight=False, soft_wrap=True)
    console.print(table)
    if len(members) > SHOWN:
        console.print(f"and {len(members) - SHOWN} more in the artifact pareto.csv", highlight=False)


def _cells(standing: Standing, base: Recipe, has_spread: bool) -> list[str]:
    spread = [] if not has_spread else ["" if standing.spread is None else f"± {number(standing.spread)}"]
    return [
        str(standing.rank),
        name_of(standing.candidate, base),
        number(standing.mean_error),
        *spread,
        counted(standing.candidate.parameter_count()),
        f"{seconds_of(standing):.1f}",
    ]


def write_front(standings: Sequence[Standing], objectives: Sequence[str], unit: str, tracker: Tracker) -> None:
    """A table and a picture on the parent run; a tag on every trial's, by which MLflow's page filters."""
    found, base = places(standings, objectives), tracker.config.recipe
    for place in found:
        tag = RunTag(PARETO_TAG, ON_THE_FRONT if place.is_on_front else BEATEN)
        for result in place.standing.results:
            tracker.client.log_batch(tracker.children[result.trial_id], tags=[tag])
    tracker.client.log_text(tracker.parent, front_csv(found, objectives, base, unit), "pareto.csv")
    # matplotlib takes a second to import, which a search with one objective need not wait for
    picture = import_module("search.pareto_picture").picture_of(found, objectives, unit)
    tracker.client.log_figure(tracker.parent, picture, "pareto.png", save_kwargs={"dpi": 150})


def front_csv(found: Sequence[Place], objectives: Sequence[str], base: Recipe, unit: str) -> str:
    """All candidates with a result, those on the front first, with all digits."""
    text = io.StringIO()
    writer = csv.writer(text)
    error = with_unit(objectives[0], unit)
    writer.writerow(
        ["on the front", "rank", "network", error, "spread", "seeds", "parameters", "training_seconds", "beats"]
    )
    for place in found:
        standing = place.standing
        writer.writerow(
            [
                "yes" if place.is_on_front else "no", standing.rank, name_of(standing.candidate, base),
                standing.mean_error, "" if standing.spread is None else standing.spread, len(standing.trained),
                standing.candidate.parameter_count(), seconds_of(standing), place.beats,
            ]
        )  # fmt: skip
    return text.getvalue()

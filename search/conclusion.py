"""The end of a search: the ranking by validation, and the winner's test error."""

from __future__ import annotations

import csv
import io
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlflow.entities import Metric, RunTag
from rich.console import Console
from rich.table import Table

from models.objective import ERROR_NAMES
from models.recipe import Recipe
from search.comparison import compare, comparison_csv, comparison_markdown, verdict
from search.data import Split
from search.judging import Tested, scores
from search.labels import ERROR_WORDS, counted, name_of, names_stay_whole, with_unit
from search.pareto import front_words
from search.progress import duration
from search.report.wording import number
from search.results import Standing, has_lowest_error
from search.tracking import NOTE_TAG, Tracker

DESCRIBED = 20
"""Places of the ranking in the run's description, which MLflow limits to 8,000 characters."""

COLUMNS = ("rank", "network", "validation", "spread", "seeds", "parameters", "seconds", "epochs", "stopped by")


@dataclass(frozen=True)
class TestError:
    """The winner's error on the test set, of each of its seeds; of a classifier also what else it is asked for."""

    __test__ = False  # not a test class, whatever its name says to pytest

    values: tuple[float, ...]
    others: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float | None:
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def __str__(self) -> str:
        return number(self.mean) + (f" ± {number(self.spread)}" if self.spread is not None else "")

    def in_words(self, name: str, unit: str) -> str:
        """`MAE is 0.0312 eV/atom`, and after it the means of the other scores."""
        others = [f"{key.replace('_', ' ')} {number(statistics.fmean(values))}" for key, values in self.others.items()]
        return f"{name} is {with_unit(self, unit)}" + (f" ({', '.join(others)})" if others else "")


def test_error(winner: Standing, tested: Tested) -> TestError:
    """The test set's scores of the winner's networks, and of no other: it is touched this once."""
    found: dict[str, list[float]] = {}
    for result in winner.models:
        for name, value in scores(tested.outputs(result), tested.split.test, tested.split.classes).items():
            found.setdefault(name, []).append(value)
    errors, *others = found.items()
    return TestError(tuple(errors[1]), {name: tuple(values) for name, values in others})


def ranking_rows(standings: Sequence[Standing], base: Recipe, exact: bool = False) -> list[tuple[str, ...]]:
    """The ranking as text, in `COLUMNS`; the numbers of seeds where they differ. `exact` for programs: all digits."""
    text: Callable[[float], str] = str if exact else number
    sign = "" if exact else "± "
    differ = len({len(standing.trained) for standing in standings}) > 1
    return [
        (
            str(standing.rank),
            name_of(standing.candidate, base),
            text(standing.mean_error) if standing.trained else "failed",
            f"{sign}{text(standing.spread)}" if standing.spread is not None else "",
            str(len(standing.trained)) if differ else "",
            counted(standing.candidate.parameter_count()),
            f"{standing.mean_seconds:.0f}",
            f"{standing.mean_epochs:.0f}",
            standing.stop_reasons,
        )
        for standing in standings
    ]


def error_word(standings: Sequence[Standing]) -> str:
    """The error by which the standings are ranked, for people."""
    return ERROR_WORDS[ERROR_NAMES[standings[0].candidate.task]]


def headings(standings: Sequence[Standing], unit: str) -> tuple[str, ...]:
    """`COLUMNS` with the name and the unit of the error, and what the candidates are."""
    kind = "network" if standings[0].candidate.estimator is None else "model"
    named = {"validation": with_unit(f"validation {error_word(standings)}", unit), "network": kind}
    return tuple(named.get(name, name) for name in COLUMNS)


def show_ranking(standings: Sequence[Standing], base: Recipe, unit: str, console: Console) -> None:
    """Print the ranking; columns that would be empty are left out."""
    table = Table(box=None, padding=(0, 1))
    rows = ranking_rows(standings, base)
    # a name of the joint space would leave no room for the figures
    is_short = names_stay_whole([row[COLUMNS.index("network")] for row in rows], console)
    for name, heading in zip(COLUMNS, headings(standings, unit), strict=True):
        is_text = name in ("network", "stopped by")
        table.add_column(
            heading, justify="left" if is_text else "right", no_wrap=name == "network" and is_short, overflow="fold"
        )
    empty = [number for number, column in enumerate(zip(*rows, strict=True)) if not any(column)]
    for row in rows:
        table.add_row(*row)
    table.columns = [column for number, column in enumerate(table.columns) if number not in empty]
    console.print(table)


def markdown(standings: Sequence[Standing], base: Recipe, unit: str) -> str:
    """The ranking as a Markdown table."""
    rows = [headings(standings, unit), tuple("---" for _ in COLUMNS), *ranking_rows(standings, base)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def write_conclusion(standings: Sequence[Standing], test: TestError, split: Split, tracker: Tracker) -> None:
    """The ranking and the winner's values on the parent run, each trial's rank on its child run."""
    client, parent, base = tracker.client, tracker.parent, tracker.config.recipe
    winner, now = standings[0], int(time.time() * 1000)
    values = {
        f"best_validation_{tracker.error_name}": winner.mean_error,
        f"test_{tracker.error_name}": test.mean,
        **{f"test_{name}": statistics.fmean(scored) for name, scored in test.others.items()},
        "parameters": winner.candidate.parameter_count(),
        "training_seconds": winner.mean_seconds,
        "epochs": winner.mean_epochs,
    }
    tags = [RunTag("winner", name_of(winner.candidate, base))]
    metrics = [Metric(key, float(value), now, 0) for key, value in values.items() if value is not None]
    client.log_batch(parent, metrics, tags=tags)
    for standing in standings:
        for result in standing.results:
            client.log_metric(tracker.children[result.trial_id], "rank", standing.rank)
    table = io.StringIO()
    csv.writer(table).writerows([headings(standings, split.unit), *ranking_rows(standings, base, exact=True)])
    error = test.in_words(error_word(standings), split.unit)
    text = f"Winner by validation: **{name_of(winner.candidate, base)}**; its test {error}.\n\n"
    text += f"{front_words(standings, tracker.config.objectives)}.\n\n" if tracker.config.objectives else ""
    text += "".join(f"{line}\n\n" for line in verdict(standings, partial(named, base=base), split.unit))
    everyone = markdown(standings, base, split.unit)
    write_comparison(standings, split.unit, tracker)
    client.log_text(parent, table.getvalue(), "ranking.csv")
    client.log_text(parent, f"{text}{everyone}\n", "ranking.md")
    first = markdown(standings[:DESCRIBED], base, split.unit)
    more = f"\n\nAll {len(standings)} are in the artifact ranking.md." if len(standings) > DESCRIBED else ""
    client.set_tag(parent, NOTE_TAG, f"{text}{first}{more}\n")


def named(standing: Standing, base: Recipe) -> str:
    """A candidate's name for people."""
    return name_of(standing.candidate, base)


def write_comparison(standings: Sequence[Standing], unit: str, tracker: Tracker) -> None:
    """The winner against the others, as artifacts; none where no two candidates share two seeds."""
    name = partial(named, base=tracker.config.recipe)
    if comparisons := compare(standings):
        tracker.client.log_text(tracker.parent, comparison_csv(comparisons, name), "comparison.csv")
        tracker.client.log_text(tracker.parent, comparison_markdown(standings, name, unit), "comparison.md")


def show_verdict(standings: Sequence[Standing], base: Recipe, unit: str, console: Console) -> None:
    """Print what the winner's lead over the others is worth."""
    tell(verdict(standings, partial(named, base=base), unit), console)


def tell(lines: Sequence[str], console: Console) -> None:
    """Print sentences as they are."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def show_winner(standings: Sequence[Standing], test: TestError, split: Split, base: Recipe, console: Console) -> None:
    """Print which network won and what it does on the test set."""
    winner, word = standings[0], error_word(standings)
    stands = "has the lowest" if has_lowest_error(standings) else "stands first, with a"
    console.print(
        f"\n[bold]{name_of(winner.candidate, base)}[/bold] {stands} validation {word}, "
        f"{with_unit(number(winner.mean_error), split.unit)}, after {duration(winner.mean_seconds)} of training.\n"
        f"Its test {test.in_words(word, split.unit)}, on {len(split.test.y):,} compositions that this search has not "
        "seen.",
        highlight=False,
        soft_wrap=True,
    )

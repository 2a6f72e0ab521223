"""The ranking of a search by validation error."""

from __future__ import annotations

import math

from search.comparison import compare, verdict
from search.labels import counted, name_of
from search.report.evidence import Evidence
from search.report.markup import Html, join, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import count, heading, number
from search.results import Standing


def ranking_section(evidence: Evidence) -> Html:
    """The table of all candidates, what their order is worth, and the trials that failed."""
    seeds = len(evidence.search.config.seeds)
    text = f"Each candidate was trained from {count(seeds, 'seed')}"
    if evidence.search.config.adaptive:
        text = (
            f"Each candidate was trained from one seed, and from up to {seeds} as long as it could not be told from "
            "the best"
        )
    have_as_many = len({len(standing.trained) for standing in evidence.trained}) < 2
    text += "; candidates stand by " + (
        "their mean over the seeds."
        if have_as_many
        else "the upper end of the 95 % interval of their mean, which narrows with more seeds."
    )
    return section(
        "ranking",
        "Ranking",
        paragraph(text, " ", " ".join(verdict(evidence.standings, evidence.name, evidence.unit))),
        ranking_table(evidence),
        comparison_table(evidence),
        failed_trials(evidence),
    )


def ranking_table(evidence: Evidence) -> Html:
    """One row a candidate."""
    unit = evidence.unit
    has_spread = any(standing.spread is not None for standing in evidence.trained)
    columns = [
        "rank",
        evidence.kind,
        heading(f"validation {evidence.error_word}", unit),
        *([heading("± over seeds", unit), "seeds"] if has_spread else []),
        *(["parameters"] if evidence.has_networks else []),
        "training, s",
        "epochs",
        "stopped by",
    ]
    rows = [_row(standing, evidence, has_spread) for standing in evidence.standings]
    caption = f"Candidates by validation {evidence.error_word}, the best first." + (
        " ± is the standard deviation over seeds; training seconds and epochs are means over seeds."
        if has_spread
        else ""
    )
    return table(caption, columns, rows, "ranking-table", numbered=[0, *range(2, len(columns) - 1)])


def _row(standing: Standing, evidence: Evidence, has_spread: bool) -> list[Cell]:
    parameters = standing.candidate.parameter_count()
    spread = standing.spread
    over_seeds = [
        Cell("" if spread is None else f"± {number(spread)}", math.inf if spread is None else spread),
        Cell(str(len(standing.trained)), len(standing.trained)),
    ]
    return [
        Cell(str(standing.rank), standing.rank),
        Cell(evidence.name(standing)),
        Cell(number(standing.mean_error) if standing.trained else "failed", standing.mean_error),
        *(over_seeds if has_spread else []),
        *([Cell(counted(parameters), parameters)] if evidence.has_networks else []),
        Cell(f"{standing.mean_seconds:,.1f}", standing.mean_seconds),
        Cell(f"{standing.mean_epochs:.0f}", standing.mean_epochs),
        Cell(standing.stop_reasons),
    ]


def comparison_table(evidence: Evidence) -> Html:
    """The winner against each candidate that shares two seeds with it; nothing where none does."""
    comparisons = compare(evidence.standings)
    if not comparisons:
        return join()
    rows = [
        [
            Cell(str(c.other.rank), c.other.rank),
            Cell(evidence.name(c.other)),
            Cell(str(c.seeds), c.seeds),
            Cell(number(c.difference, signed=True), c.difference),
            Cell(f"{number(c.low, signed=True)} to {number(c.high, signed=True)}", c.low),
            Cell(f"{c.p_value:.2g}", c.p_value),
            Cell(c.verdict),
        ]
        for c in comparisons
    ]
    columns = ["rank", evidence.kind, "seeds", heading("error above the winner's", evidence.unit), "95 % interval",
               "p (Holm)", "verdict"]  # fmt: skip
    caption = f"The others against the winner, {evidence.name(evidence.trained[0])}, paired by seed"
    return table(caption, columns, rows, "comparison-table", numbered=[0, 2, 3, 4, 5])


def failed_trials(evidence: Evidence) -> Html:
    """The trials that failed, each with its reason; nothing where none did."""
    if not evidence.failures:
        return join()
    base = evidence.search.config.recipe
    rows = [
        [Cell(name_of(result.candidate, base)), Cell(str(result.seed), result.seed), Cell(result.failure or "")]
        for result in evidence.failures
    ]
    caption = f"{count(len(rows), 'trial')} failed"
    return table(caption, [evidence.kind, "seed", "reason"], rows, "failures", numbered=[1])

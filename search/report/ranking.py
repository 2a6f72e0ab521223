"""The ranking of a search by validation error."""

from __future__ import annotations

import math

from scipy.special import stdtrit  # type: ignore[import-untyped]

from search.labels import counted
from search.report.evidence import Evidence
from search.report.markup import Html, join, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import count, heading, number, with_unit
from search.results import Standing


def ranking_section(evidence: Evidence) -> Html:
    """The table of all candidates, what their order is worth, and the trials that failed."""
    seeds = len(evidence.search.config.seeds)
    text = f"Each candidate was trained from {count(seeds, 'seed')}; candidates stand by their mean over the seeds."
    return section(
        "ranking",
        "Ranking",
        paragraph(text, " ", certainty(evidence)),
        ranking_table(evidence),
        failed_trials(evidence),
    )


def ranking_table(evidence: Evidence) -> Html:
    """One row a candidate."""
    unit = evidence.unit
    has_spread = any(standing.spread is not None for standing in evidence.trained)
    columns = [
        "rank",
        "network",
        heading("validation MAE", unit),
        *([heading("± over seeds", unit), "seeds"] if has_spread else []),
        "parameters",
        "training, s",
        "epochs",
        "stopped by",
    ]
    rows = [_row(standing, evidence, has_spread) for standing in evidence.standings]
    caption = "Candidates by validation MAE, lowest first." + (
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
        Cell(counted(parameters), parameters),
        Cell(f"{standing.mean_seconds:,.1f}", standing.mean_seconds),
        Cell(f"{standing.mean_epochs:.0f}", standing.mean_epochs),
        Cell(standing.stop_reasons),
    ]


def certainty(evidence: Evidence) -> str:
    """How far the order at the top is more than chance, in a sentence."""
    trained = evidence.trained
    if len(trained) < 2:
        return ""
    winner, second = trained[:2]
    lead = (
        f"The winner leads the second, {evidence.name(second)}, by "
        f"{with_unit(number(second.mean_error - winner.mean_error), evidence.unit)}"
    )
    pooled = seed_deviation(trained)
    if pooled is None:
        return f"{lead}; with one seed each it is not known how much of that is chance."
    deviation, freedom = pooled
    equals = [other for other in trained[1:] if not _differs(winner, other, deviation, freedom)]
    others = len(trained) - 1
    verdict = (
        f"none of the {others} others is distinguishable from it"
        if 1 < len(equals) == others
        else f"{count(others - len(equals), 'other is', 'others are')} distinguishable from it, {len(equals)} not"
    )
    return (
        f"{lead}; {verdict} (95 % t intervals of each difference, from the spread over seeds of all candidates, "
        f"{with_unit(number(deviation), evidence.unit)})."
    )


def seed_deviation(trained: list[Standing]) -> tuple[float, int] | None:
    """Standard deviation over seeds, pooled over the candidates, and its degrees of freedom; None with one seed."""
    freedom = sum(len(standing.trained) - 1 for standing in trained)
    if freedom == 0:
        return None
    squares = sum((len(s.trained) - 1) * s.spread**2 for s in trained if s.spread is not None)
    return math.sqrt(squares / freedom), freedom


def _differs(winner: Standing, other: Standing, deviation: float, freedom: int) -> bool:
    error = deviation * math.sqrt(1 / len(winner.trained) + 1 / len(other.trained))
    return other.mean_error - winner.mean_error > float(stdtrit(freedom, 0.975)) * error


def failed_trials(evidence: Evidence) -> Html:
    """The trials that failed, each with its reason; nothing where none did."""
    if not evidence.failures:
        return join()
    names = {standing.candidate: evidence.name(standing) for standing in evidence.standings}
    rows = [
        [Cell(names[result.candidate]), Cell(str(result.seed), result.seed), Cell(result.failure or "")]
        for result in evidence.failures
    ]
    caption = f"{count(len(rows), 'trial')} failed"
    return table(caption, ["network", "seed", "reason"], rows, "failures", numbered=[1])

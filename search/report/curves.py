"""Learning curves: validation error over epochs and over seconds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from search.report.evidence import Evidence
from search.report.figures import GREY, PALETTE, Figure, axis, figure_block, log_axis, text_only
from search.report.markup import Html, paragraph, section
from search.report.wording import count, heading, number, shortened, with_unit
from search.results import Standing, TrialResult

BEST = 10
OTHERS = 40
SEEDS_DRAWN = 3
POINTS_A_CURVE = 400
LEGEND_CHARACTERS = 44


@dataclass(frozen=True)
class Curve:
    """One trial's validation error (in the target's unit) after each epoch, with the training seconds until then."""

    seed: int
    epochs: Sequence[int]
    seconds: Sequence[float]
    errors: Sequence[float]

    def thinned(self) -> Curve:
        """At most about `POINTS_A_CURVE` points, the last one among them."""
        step = -(-len(self.epochs) // POINTS_A_CURVE)
        if step <= 1:
            return self
        kept = sorted({*range(0, len(self.epochs), step), len(self.epochs) - 1})
        return Curve(
            self.seed,
            [self.epochs[place] for place in kept],
            [self.seconds[place] for place in kept],
            [self.errors[place] for place in kept],
        )


def curve_of(evidence: Evidence, result: TrialResult) -> Curve:
    """A trial's curve from MLflow; empty where none was logged."""
    search, run_id = evidence.search, evidence.search.run_of(result).info.run_id
    history = search.client.get_metric_history(run_id, f"validation_{evidence.error_name}")
    took = {m.step: m.value for m in search.client.get_metric_history(run_id, "epoch_seconds")}
    errors = dict(sorted((metric.step, metric.value) for metric in history))
    until = dict(zip(sorted(took), accumulate(took[step] for step in sorted(took)), strict=True))
    # A loss that is not finite can be validated once before its trial fails; no axis could show it. MLflow keeps an
    # infinite one as the largest float.
    steps = [step for step, error in errors.items() if step in until and 0 < error < sys.float_info.max]
    return Curve(result.seed, steps, [until[step] for step in steps], [errors[step] for step in steps])


def curves_section(evidence: Evidence) -> Html:
    """The best candidates' curves in colour, others behind them."""
    if evidence.trained and not evidence.has_curves:
        return section("curves", "Learning curves", paragraph("Each model was fitted once, to all rows."))
    trained = evidence.trained
    best = [(standing, _curves(evidence, standing, SEEDS_DRAWN)) for standing in trained[:BEST]]
    rest = [(standing, _curves(evidence, standing, 1)) for standing in trained[BEST : BEST + OTHERS]]
    drawn = [curve for _, curves in (*best, *rest) for curve in curves]
    if not drawn:
        return section("curves", "Learning curves", paragraph("No learning curve was recorded."))
    note = f"The best {count(min(BEST, len(trained)), 'candidate')} in colour"
    note += f", {count(len(rest), 'other')} in grey" if rest else ""
    left = len(trained) - len(best) - len(rest)
    note += f", {left:,} more not drawn" if left > 0 else ""
    note += (
        f"; the first {SEEDS_DRAWN} seeds of each."
        if len(evidence.search.config.seeds) > SEEDS_DRAWN
        else "; one line a seed."
        if len(evidence.search.config.seeds) > 1
        else "."
    )
    return section(
        "curves",
        "Learning curves",
        paragraph(note, " Click a name to hide it, double-click to see it alone."),
        figure_block(curves_figure(evidence, best, rest)),
    )


def _curves(evidence: Evidence, standing: Standing, seeds: int) -> list[Curve]:
    curves = [curve_of(evidence, result).thinned() for result in standing.trained[:seeds]]
    return [curve for curve in curves if curve.epochs]


def curves_figure(
    evidence: Evidence, best: list[tuple[Standing, list[Curve]]], rest: list[tuple[Standing, list[Curve]]]
) -> Figure:
    """Two panels of the same error: over epochs, and over seconds."""
    data: list[dict[str, Any]] = []
    for standing, curves in rest:
        data += _traces(evidence, standing, curves, {"color": GREY, "width": 1}, grouped=False)
    for place, (standing, curves) in reversed(list(enumerate(best))):
        dash = ("solid", "dash", "dot")[place // len(PALETTE) % 3]
        line = {"color": PALETTE[place % len(PALETTE)], "width": 2.5 if place == 0 else 1.6, "dash": dash}
        data += _traces(evidence, standing, curves, line, grouped=True)
    curves = [curve for _, group in (*best, *rest) for curve in group]
    errors = [error for curve in curves for error in curve.errors]
    over = "epochs" if evidence.has_networks else "fits, each to more rows"
    marginal = {"domain": [0.54, 1.0], "anchor": "y2"}
    layout = {
        "xaxis": axis(over, domain=[0.0, 0.46], rangemode="tozero"),
        "xaxis2": axis("training time, s", rangemode="tozero", **marginal),
        "yaxis": log_axis(heading(f"validation {evidence.error_word}", evidence.unit), errors),
        "yaxis2": log_axis("", errors, matches="y", anchor="x2", showticklabels=False),
        "legend": {"orientation": "h", "x": 0, "y": -0.18, "yanchor": "top", "traceorder": "reversed"},
        "height": 420 + 24 * max(1, (len(best) + 1) // 2),
    }
    return Figure("learning-curves", _finding(evidence), data, layout)


def _traces(
    evidence: Evidence, standing: Standing, curves: list[Curve], line: dict[str, Any], grouped: bool
) -> list[dict[str, Any]]:
    name = f"{standing.rank}. {evidence.name(standing)}"
    traces: list[dict[str, Any]] = []
    for place, curve in enumerate(curves):
        for over, number_of_axis, unit in ((curve.epochs, "", "epochs"), (curve.seconds, "2", "s")):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers" if len(curve.epochs) < 8 else "lines",
                    "marker": {"size": 5},
                    "name": text_only(shortened(name, LEGEND_CHARACTERS)),
                    "legendgroup": name,
                    "showlegend": grouped and place == 0 and not number_of_axis,
                    "x": np.array(over, dtype=np.float64),
                    "y": np.array(curve.errors),
                    "xaxis": f"x{number_of_axis}",
                    "yaxis": f"y{number_of_axis}",
                    "line": line,
                    "hovertemplate": f"{text_only(name)}, seed {curve.seed}<br>"
                    f"%{{x:,.4~g}} {unit}: {evidence.error_word} %{{y:.5~g}}<extra></extra>",
                }
            )
    return traces


def _finding(evidence: Evidence) -> str:
    """What the winner's best seed came to, of all its seeds and epochs, drawn or not."""
    standing = evidence.trained[0]
    result = min(standing.trained, key=lambda result: result.best_error)
    curve = curve_of(evidence, result)
    if result.best_epoch not in curve.epochs:
        return "Learning curves of the search's trials."
    seconds = curve.seconds[curve.epochs.index(result.best_epoch)]
    improved = evidence.has_networks and result.best_epoch == result.epochs
    still = " It had not stopped improving: more epochs may lower it." if improved else ""
    of_seeds = " with its best seed" if len(standing.trained) > 1 else ""
    return (
        f"The winner, {evidence.name(standing)}, reached its lowest validation {evidence.error_word} of "
        f"{with_unit(number(result.best_error), evidence.unit)} in epoch {result.best_epoch:,} of {result.epochs:,}, "
        f"after {seconds:,.1f} s{of_seeds}.{still}"
    )

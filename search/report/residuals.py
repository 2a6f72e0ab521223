"""The winner's predictions beside the true values, and where they are furthest off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.report.answers import Predicted
from search.report.evidence import Evidence
from search.report.figures import BLUE, ORANGE, Figure, axis, figure_block, text_only
from search.report.markup import Html, element, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import count, heading, number, shortened, with_unit
from search.results import NONE_ON_ALL_ROWS

WORST = 20
POINTS_DRAWN = 2500
FORMULA_CHARACTERS = 60
FEWEST_FOR_TENTHS = 50
"""Compositions from which it is told what the worst tenth carries: of fewer it is a handful."""


def residuals_section(evidence: Evidence) -> Html:
    """Predicted against true on validation and test, with the compounds that are furthest off."""
    title, predictions = "The winner's predictions", evidence.predictions
    if predictions is None:
        return section("predictions", title, element("p", missing_words(evidence), class_="notice"))
    given = f"Predictions of {evidence.name(evidence.trained[0])}, on compositions that it was not trained on"
    networks, gone = len(predictions.test.by_network), predictions.missing_seeds
    blocks: list[Html] = [paragraph(network_words(given, "the mean over", networks, gone))]
    for name, predicted in (("validation", predictions.validation), ("test", predictions.test)):
        blocks += [
            element("h3", name.capitalize()),
            figure_block(parity(name, predicted, evidence)),
            worst_table(name, predicted, evidence.unit),
        ]
    return section("predictions", title, *blocks)


def missing_words(evidence: Evidence) -> str:
    """Why there are no predictions."""
    if not evidence.trained:
        return "No trial came to a result: there is no winner."
    if not evidence.standings[0].models:
        return NONE_ON_ALL_ROWS
    return (
        f"The weights of the winner, {evidence.name(evidence.trained[0])}, are no longer among the artifacts of its "
        "runs in MLflow: its predictions, and the errors by element, cannot be shown."
    )


def network_words(given: str, together: str, networks: int, missing_seeds: Sequence[int]) -> str:
    """What is given and by whom, how its seeds' networks answer together, and whose weights are missing."""
    text = f"{given}: {together} its {networks} seeds' networks." if networks > 1 else f"{given}."
    if missing_seeds:
        seeds = ", ".join(map(str, missing_seeds))
        text += f" The weights of seed {seeds} are gone from MLflow and left out here."
    return text + " Validation chose the winner; beside it only the search's ensemble, if any, has met the test set."


def worst_rows(predicted: Predicted) -> NDArray[np.intp]:
    """The rows furthest off, the worst first; all where there are fewer than `WORST`."""
    rows: NDArray[np.intp] = np.argsort(-np.abs(predicted.errors), kind="stable")[:WORST]
    return rows


def drawn_rows(predicted: Predicted) -> NDArray[np.intp]:
    """Rows to draw: all, or a random part with the worst among it, so that the page stays light."""
    total = len(predicted.part)
    if total <= POINTS_DRAWN:
        return np.arange(total)
    drawn = np.random.default_rng(0).choice(total, POINTS_DRAWN, replace=False)
    return np.union1d(drawn, worst_rows(predicted))


def parity(name: str, predicted: Predicted, evidence: Evidence) -> Figure:
    """A point a composition, and the line of perfect prediction."""
    unit, true, values = evidence.unit, predicted.part.y.astype(np.float64), predicted.values
    rows = drawn_rows(predicted)
    worst = set(worst_rows(predicted).tolist())
    low, high = float(min(true.min(), values.min())), float(max(true.max(), values.max()))
    line = {"color": "#566070", "width": 1, "dash": "dash"}
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "name": "predicted = true", "x": [low, high], "y": [low, high],
         "line": line, "hoverinfo": "skip"},
    ]  # fmt: skip
    groups = (("compositions", [r for r in rows if r not in worst], BLUE, "circle", 5, 0.45),
              (f"the worst {len(worst)}", [r for r in rows if r in worst], ORANGE, "diamond", 9, 1.0))  # fmt: skip
    for label, members, colour, symbol, size, opacity in groups:
        places = np.array(members, dtype=np.intp)
        formulas = predicted.part.formulas[places]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label,
                "x": true[places],
                "y": values[places],
                "text": [text_only(shortened(str(formula), FORMULA_CHARACTERS)) for formula in formulas],
                "marker": {"color": colour, "size": size, "symbol": symbol, "opacity": opacity},
                "hovertemplate": f"%{{text}}<br>true %{{x:.5~g}}, predicted %{{y:.5~g}} {text_only(unit)}"
                "<extra></extra>",
            }
        )
    layout = {
        "xaxis": axis(heading(f"true {evidence.target}", unit)),
        "yaxis": axis(heading("predicted", unit)),
        "height": 460,
    }
    return Figure(f"parity-{name}", parity_finding(name, predicted, unit), data, layout)


def parity_finding(name: str, predicted: Predicted, unit: str) -> str:
    """Mean and median error, and how much of the variance is explained."""
    errors, true = predicted.errors, predicted.part.y.astype(np.float64)
    mae, median = float(np.abs(errors).mean()), float(np.median(np.abs(errors)))
    total = float(((true - true.mean()) ** 2).sum())
    explained = f", R² {1 - float((errors**2).sum()) / total:.3f}" if total > 0 else ""
    text = (
        f"{name.capitalize()}, {count(len(true), 'composition')}: MAE {with_unit(number(mae), unit)}, half of the "
        f"errors below {with_unit(number(median), unit)}{explained}."
    )
    if len(true) >= FEWEST_FOR_TENTHS:
        text += f" The worst tenth of them carries {predicted.share_of_worst(0.1):.0%} of the error."
    maes = predicted.network_maes
    if len(maes) > 1:
        text += f" Each network by itself: MAE {', '.join(number(value) for value in maes)}."
    if len(true) > POINTS_DRAWN:
        text += f" {len(drawn_rows(predicted)):,} of the points are drawn, the worst among them."
    return text


def worst_table(name: str, predicted: Predicted, unit: str) -> Html:
    """The compounds furthest off, by name."""
    rows = []
    for place, row in enumerate(worst_rows(predicted).tolist(), start=1):
        true, value, error = float(predicted.part.y[row]), float(predicted.values[row]), float(predicted.errors[row])
        formula = shortened(str(predicted.part.formulas[row]), FORMULA_CHARACTERS)
        rows.append(
            [
                Cell(formula),
                Cell(number(true), true),
                Cell(number(value), value),
                Cell(number(error, signed=True), error),
                Cell(str(place), place),
            ]
        )
    columns = ["compound", heading("true", unit), heading("predicted", unit), heading("error", unit), "place"]
    caption = f"The {len(rows)} {name} compounds with the largest errors (error = predicted − true)"
    return table(caption, columns, rows, f"worst-{name}", numbered=[1, 2, 3, 4])

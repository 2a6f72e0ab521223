"""Where the winner errs: by element and by number of elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data import ELEMENTS
from search.report.answers import WinnerPredictions
from search.report.evidence import Evidence
from search.report.figures import BLUE, Figure, axis, figure_block
from search.report.markup import Html, element, paragraph, section
from search.report.periodic import ElementError, periodic_table
from search.report.tables import Cell, table
from search.report.wording import count, heading, number, with_unit

ENOUGH = 5
"""Compositions below which an element's mean is not named in a sentence."""


def elements_section(evidence: Evidence) -> Html:
    """The periodic table, the same as a table, and the error by number of elements."""
    predictions, title = evidence.predictions, "Error by element"
    if predictions is None:
        return section("elements", title, paragraph("Not known without the winner's predictions."))
    errors = element_errors(predictions, evidence.split.train.x)
    unit, summary = evidence.unit, elements_finding(errors, evidence.unit)
    text = (
        "The winner's mean absolute error over the compositions that hold an element, "
        "of validation and test together: neither was trained on."
    )
    return section(
        "elements",
        title,
        paragraph(text),
        element("figure", periodic_table(errors, unit, summary), element("figcaption", summary)),
        elements_table(errors, unit),
        element("h3", "By number of elements"),
        figure_block(by_number_of_elements(predictions, unit)),
    )


def held_out(predictions: WinnerPredictions) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which elements (rows, 86) are in each composition of validation and test, and its absolute error (rows,)."""
    parts = (predictions.validation, predictions.test)
    holds = np.concatenate([predicted.part.x > 0 for predicted in parts])
    return holds, np.concatenate([np.abs(predicted.errors) for predicted in parts])


def element_errors(predictions: WinnerPredictions, train_x: NDArray[np.float32]) -> dict[str, ElementError]:
    """Symbol -> error, for the elements that a held-out composition holds."""
    holds, errors = held_out(predictions)
    counts, trained = holds.sum(axis=0), (train_x > 0).sum(axis=0)
    return {
        symbol: ElementError(symbol, float(errors[holds[:, place]].mean()), int(counts[place]), int(trained[place]))
        for place, symbol in enumerate(ELEMENTS)
        if counts[place]
    }


def elements_finding(errors: dict[str, ElementError], unit: str) -> str:
    """The elements with the largest and the smallest errors."""
    enough = sorted((e for e in errors.values() if e.compositions >= ENOUGH), key=lambda error: -error.mae)
    if len(enough) < 2:
        return f"Too few compositions to compare elements ({count(len(errors), 'element')} occur)."
    worst = ", ".join(f"{error.symbol} {number(error.mae)}" for error in enough[:3])
    best = ", ".join(f"{error.symbol} {number(error.mae)}" for error in enough[: -4 if len(enough) > 3 else -2 : -1])
    return (
        f"Of the elements in {ENOUGH} held-out compositions or more, the largest MAE is with {worst}; "
        f"the smallest with {with_unit(best, unit)}."
    )


def elements_table(errors: dict[str, ElementError], unit: str) -> Html:
    """The periodic table's numbers, the largest error first."""
    rows = [
        [
            Cell(error.symbol),
            Cell(number(error.mae), error.mae),
            Cell(f"{error.compositions:,}", error.compositions),
            Cell(f"{error.trained:,}", error.trained),
        ]
        for error in sorted(errors.values(), key=lambda error: -error.mae)
    ]
    columns = ["element", heading("MAE", unit), "held-out compositions", "training compositions"]
    return table("Error by element, as a table", columns, rows, "elements-table", numbered=[1, 2, 3])


def by_number_of_elements(predictions: WinnerPredictions, unit: str) -> Figure:
    """Bars of the error of unary, binary, ternary ... compositions, each with its count."""
    holds, errors = held_out(predictions)
    sizes = holds.sum(axis=1)
    found = [int(size) for size in np.unique(sizes)]
    means = [float(errors[sizes == size].mean()) for size in found]
    counts = [int((sizes == size).sum()) for size in found]
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": [str(size) for size in found],
            "y": means,
            "text": [f"{number(mean)}<br>n {members:,}" for mean, members in zip(means, counts, strict=True)],
            "textposition": "outside",
            "cliponaxis": False,
            "marker": {"color": BLUE},
            "hovertemplate": "%{x} elements: MAE %{y:.5~g}<extra></extra>",
        }
    ]
    layout = {
        "xaxis": axis("number of elements", type="category"),
        "yaxis": axis(heading("MAE", unit), range=[0, 1.25 * max(means)]),
        "height": 320,
    }
    said = "; ".join(
        f"{count(size, 'element')} {number(mean)} ({members:,})"
        for size, mean, members in zip(found, means, counts, strict=True)
    )
    finding = f"{heading('MAE', unit)}, by number of elements (compositions in brackets): {said}."
    return Figure("number-of-elements", finding, data, layout)

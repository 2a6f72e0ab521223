"""The winning classifier's answers beside the true classes: scores, confusion, ROC curves, and the worst misses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.report.answers import PredictedClasses
from search.report.evidence import Evidence
from search.report.figures import GREY, PALETTE, Figure, axis, figure_block, text_only
from search.report.markup import Html, element, paragraph, section
from search.report.residuals import FORMULA_CHARACTERS, WORST, missing_words, network_words
from search.report.tables import Cell, facts, table
from search.report.wording import count, number, percent, shortened

MOST_CURVES = 10
"""Classes with a ROC curve of their own; of more, the first so many."""

SCORE_WORDS = {
    "cross_entropy": "cross-entropy, nats a row",
    "accuracy": "accuracy",
    "f1": "F1, mean over the classes",
    "roc_auc": "ROC-AUC, mean over the classes",
}


def classes_section(evidence: Evidence) -> Html:
    """Scores, confusion matrix, ROC curves and the worst misses on validation and test."""
    title, found = "The winner's predictions", evidence.class_predictions
    if found is None:
        return section("predictions", title, element("p", missing_words(evidence), class_="notice"))
    network = evidence.name(evidence.trained[0])
    given = f"Classes given by {network}, calibrated on validation, to compositions that it was not trained on"
    networks, gone = len(found.test.logits), found.missing_seeds
    blocks: list[Html] = [paragraph(network_words(given, "by the mean logits of", networks, gone))]
    for name, predicted in (("validation", found.validation), ("test", found.test)):
        blocks += [
            element("h3", name.capitalize()),
            facts([(SCORE_WORDS[key], text) for key, text in score_texts(predicted).items()]),
            figure_block(confusion_figure(name, predicted)),
            figure_block(roc_figure(name, predicted)),
            worst_table(name, predicted),
        ]
    return section("predictions", title, *blocks)


def score_texts(predicted: PredictedClasses) -> dict[str, str]:
    """Each score, the mean over the networks, with their standard deviation where there are more."""
    each = predicted.network_scores
    found = {}
    for key in SCORE_WORDS:
        values = [scored[key] for scored in each if key in scored]
        if values:
            spread = f" ± {number(float(np.std(values, ddof=1)))}" if len(values) > 1 else ""
            found[key] = number(float(np.mean(values))) + spread
    return found


def confusion(predicted: PredictedClasses) -> NDArray[np.int64]:
    """Rows of the part by true class (down) and given class (across), (classes, classes)."""
    size = len(predicted.classes)
    given = predicted.probabilities.argmax(axis=1)
    return np.bincount(predicted.true * size + given, minlength=size * size).reshape(size, size)


def confusion_figure(name: str, predicted: PredictedClasses) -> Figure:
    """Shares of each true class, with the numbers of rows written in."""
    counts, labels = confusion(predicted), [text_only(label) for label in predicted.classes]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": labels,
            "y": labels,
            "z": [list(row) for row in shares],
            "text": [[f"{number:,}" for number in row] for row in counts.tolist()],
            "texttemplate": "%{text}",
            "zmin": 0,
            "zmax": 1,
            "colorscale": [[0, "#ffffff"], [1, PALETTE[0]]],
            "colorbar": {"title": {"text": "share of the true class"}},
            "hovertemplate": "true %{y}, given %{x}: %{text}<extra></extra>",
        }
    ]
    layout = {
        "xaxis": axis("given class", type="category"),
        "yaxis": axis("true class", type="category", autorange="reversed"),
        "height": 220 + 32 * min(len(labels), 20),
    }
    right, total = int(np.trace(counts)), int(counts.sum())
    text = (
        f"{name.capitalize()}: {right:,} of {count(total, 'composition')} ({percent(right, total)}) in the right class."
    )
    off = np.where(np.eye(len(labels), dtype=bool), 0, counts)
    if off.any():
        true, given = (int(place) for place in np.unravel_index(off.argmax(), off.shape))
        text += (
            f" Most often mistaken: {predicted.classes[true]} for {predicted.classes[given]}, "
            f"{count(int(off[true, given]), 'composition')}."
        )
    return Figure(f"confusion-{name}", text, data, layout)


def roc_figure(name: str, predicted: PredictedClasses) -> Figure:
    """True against false positive rate, a class against the rest; of two classes the second, the first's mirror."""
    from sklearn.metrics import auc, roc_curve  # noqa: PLC0415 - reports of regressions need not wait for it

    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "name": "by chance", "x": [0, 1], "y": [0, 1],
         "line": {"color": GREY, "width": 1, "dash": "dash"}, "hoverinfo": "skip"},
    ]  # fmt: skip
    areas = {}
    numbers = [1] if len(predicted.classes) == 2 else range(min(len(predicted.classes), MOST_CURVES))
    for place, number_of_class in enumerate(numbers):
        is_one = predicted.true == number_of_class
        if is_one.all() or not is_one.any():
            continue
        false, true, _ = roc_curve(is_one, predicted.probabilities[:, number_of_class])
        label = predicted.classes[number_of_class]
        areas[label] = float(auc(false, true))
        dash = ("solid", "dash", "dot")[place // len(PALETTE) % 3]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": text_only(label),
                "x": false,
                "y": true,
                "line": {"color": PALETTE[place % len(PALETTE)], "width": 2, "dash": dash},
                "hovertemplate": "false %{x:.3f}, true %{y:.3f}<extra>" + text_only(label) + "</extra>",
            }
        )
    layout = {
        "xaxis": axis("false positive rate", range=[0, 1]),
        "yaxis": axis("true positive rate", range=[0, 1.02]),
        "height": 420,
    }
    said = "; ".join(f"{label} {number(area)}" for label, area in areas.items())
    text = (
        f"{name.capitalize()}, area under the ROC curve, a class against the rest: {said}."
        if areas
        else "One class alone."
    )
    return Figure(f"roc-{name}", text, data, layout)


def worst_table(name: str, predicted: PredictedClasses) -> Html:
    """The compounds whose true class was given the least probability."""
    chances = predicted.probabilities
    true = chances[np.arange(len(chances)), predicted.true]
    rows = [
        [
            Cell(shortened(str(predicted.part.formulas[row]), FORMULA_CHARACTERS)),
            Cell(predicted.classes[int(predicted.true[row])]),
            Cell(predicted.classes[int(chances[row].argmax())]),
            Cell(number(float(true[row])), float(true[row])),
            Cell(str(place), place),
        ]
        for place, row in enumerate(np.argsort(true, kind="stable")[:WORST].tolist(), start=1)
    ]
    columns = ["compound", "true class", "given class", "probability of the true class", "place"]
    caption = f"The {len(rows)} {name} compounds whose true class got the least probability"
    return table(caption, columns, rows, f"worst-{name}", numbered=[3, 4])

"""The question of a search and the data it was asked of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data import CleaningReport, Split
from search.report.evidence import Evidence
from search.report.figures import BLUE, GREEN, ORANGE, Figure, axis, figure_block, text_only
from search.report.markup import Html, element, join, paragraph, section
from search.report.tables import Cell, facts, table
from search.report.wording import count, heading, number, percent, with_unit
from search.results import has_lowest_error

BINS = 60


def question_section(evidence: Evidence) -> Html:
    """What was searched for, in which table, and what cleaning did to it."""
    split, config = evidence.split, evidence.search.config
    report = split.report
    error = "cross-entropy" if split.classes else "mean absolute error (MAE)"
    text = (
        f"Which {evidence.kind} predicts {evidence.target} from a compound's formula alone with the lowest {error}? "
        f"The search space “{config.space.name}” was searched on {report.source}."
    )
    return section(
        "question",
        "Question and data",
        paragraph(text),
        facts(row_facts(split)),
        paragraph(report.merge_rule[:1].upper() + report.merge_rule[1:] + "." if report.merged else ""),
        paragraph(report.outlier_rule[:1].upper() + report.outlier_rule[1:] + "." if report.outlier_rule else ""),
        *(paragraph(note[:1].upper() + note[1:] + ".") for note in report.notes),
        rejected_rows(report),
        figure_block(class_shares(split) if split.classes else distribution(evidence)),
    )


def row_facts(split: Split) -> list[tuple[str, Html | str]]:
    """Where each row of the table went."""
    report = split.report
    parts = (("training", split.train), ("validation", split.validation), ("test", split.test))
    in_all = sum(len(part) for _, part in parts)
    facts: list[tuple[str, Html | str]] = [
        ("rows in the table", f"{report.rows_in:,}"),
        ("merged into another row", f"{report.merged:,}"),
        ("rejected", f"{report.rows_rejected:,}"),
    ]
    facts += [(report.why_left_out, f"{report.left_out:,}")] if report.left_out else []
    facts.append(("compositions kept", f"{report.rows_kept:,}"))
    facts += [(name, f"{len(part):,} ({percent(len(part), in_all)})") for name, part in parts]
    facts.append(("elements that occur", f"{len(report.elements)} of 86"))
    if split.classes:
        facts.append(("classes", ", ".join(split.classes)))
        return facts
    low, high = report.value_range
    facts.append(("range of the target", with_unit(f"{number(low)} to {number(high)}", split.unit)))
    return facts


def rejected_rows(report: CleaningReport) -> Html:
    """The reasons for which rows were rejected, with a few of them; nothing where none was."""
    if not report.rejected:
        return paragraph("No row was rejected.")
    rows = [
        [
            Cell(reason),
            Cell(f"{rejected:,}", rejected),
            Cell("; ".join(str(example) for example in report.examples.get(reason, ()))),
        ]
        for reason, rejected in sorted(report.rejected.items(), key=lambda item: (-item[1], item[0]))
    ]
    caption = f"{count(report.rows_rejected, 'row')} rejected, by reason"
    return table(caption, ["reason", "rows", "for example"], rows, "rejected", numbered=[1])


def distribution(evidence: Evidence) -> Figure:
    """How the target spreads in the three parts, in shares of each part, so that they can be compared."""
    split = evidence.split
    parts = (("training", split.train, BLUE), ("validation", split.validation, ORANGE), ("test", split.test, GREEN))
    edges = np.histogram_bin_edges(np.concatenate([part.y for _, part, _ in parts]).astype(np.float64), BINS)
    data: list[dict[str, Any]] = []
    for (name, part, colour), dash in zip(parts, ("solid", "dot", "dash"), strict=True):
        shares = 100 * np.histogram(part.y, edges)[0] / len(part)
        line = {"color": colour, "width": 2, "dash": dash, "shape": "hvh"}
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name} ({len(part):,})",
                "x": (edges[:-1] + edges[1:]) / 2,
                "y": shares,
                "line": line,
                "fill": "tozeroy" if name == "training" else "none",
                "fillcolor": "rgba(0,114,178,0.12)",
                "hovertemplate": "%{x:.3g}: %{y:.1f} %<extra>" + name + "</extra>",
            }
        )
    layout = {
        "xaxis": axis(heading(evidence.target, split.unit)),
        "yaxis": axis("share of the part, %", rangemode="tozero"),
        "height": 320,
    }
    return Figure("distribution", finding(split.train.y, split.test.y, split.unit), data, layout)


def class_shares(split: Split) -> Figure:
    """How the classes share each part."""
    parts = (("training", split.train, BLUE), ("validation", split.validation, ORANGE), ("test", split.test, GREEN))
    data = [
        {
            "type": "bar",
            "name": f"{name} ({len(part):,})",
            "x": [text_only(label) for label in split.classes],
            "y": 100 * np.bincount(part.y.astype(np.int64), minlength=len(split.classes)) / len(part),
            "marker": {"color": colour},
            "hovertemplate": "%{x}: %{y:.1f} %<extra>" + name + "</extra>",
        }
        for name, part, colour in parts
    ]
    layout = {"xaxis": axis("class", type="category"), "yaxis": axis("share of the part, %"), "height": 320}
    most = int(np.bincount(split.train.y.astype(np.int64)).argmax())
    right = int((split.test.y == most).sum())
    text = (
        f"Shares of the classes. Answering {split.classes[most]}, the most frequent of the training rows, for every "
        f"compound would be right for {percent(right, len(split.test))} of the test set."
    )
    return Figure("distribution", text, data, layout)


def finding(train: NDArray[np.float32], test: NDArray[np.float32], unit: str) -> str:
    """The distribution in a sentence, with the yardstick that any network has to beat."""
    median = float(np.median(train))
    low, high = (float(value) for value in np.percentile(train, [5, 95]))
    baseline = float(np.abs(test - median).mean())
    return (
        f"Distribution of the target: 90 % of the training values lie between {number(low)} and "
        f"{with_unit(number(high), unit)}. Answering the training median, {number(median)}, for every compound would "
        f"give a test MAE of {with_unit(number(baseline), unit)}."
    )


def lead(evidence: Evidence) -> Html:
    """The answer, in a sentence or two, at the top of the page."""
    trained = evidence.trained
    if not trained:
        return element("p", "No trial of this search came to a result.", class_="lead notice")
    winner = trained[0]
    spread = f" ± {number(winner.spread)}" if winner.spread is not None else ""
    error = with_unit(number(winner.mean_error) + spread, evidence.unit)
    stands = "has the lowest" if has_lowest_error(evidence.standings) else "stands first, with a"
    sentence = join(element("strong", evidence.name(winner)), f" {stands} validation {evidence.error_word}, {error}")
    return element("p", sentence, f"{test_words(evidence)}.", class_="lead")


def test_words(evidence: Evidence) -> str:
    """The winner's error on the test set, as far as it is known."""
    test = count(len(evidence.split.test), "test composition")
    if evidence.class_predictions is not None:
        each = evidence.class_predictions.test.network_scores
        entropy, accuracy = (float(np.mean([scored[key] for scored in each])) for key in ("cross_entropy", "accuracy"))
        return (
            f"; on {test} that this search has not seen its cross-entropy is {number(entropy)} and its accuracy "
            f"{percent(accuracy, 1)}"
        )
    if evidence.predictions is None:
        return ""
    maes = evidence.predictions.test.network_maes
    spread = f" ± {number(float(np.std(maes, ddof=1)))}" if len(maes) > 1 else ""
    return (
        f"; on {test} that this search has not seen its MAE is "
        f"{with_unit(number(float(np.mean(maes))) + spread, evidence.unit)}"
    )

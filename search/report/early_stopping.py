"""What stopping trials early would have cost, where a search could measure it."""

from __future__ import annotations

import math

from search.early_stopping import RISK_TAG, RUNGS_TAG, read
from search.report.evidence import Evidence
from search.report.markup import Html, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import heading, number
from search.rungs import Measurement


def early_stopping_section(evidence: Evidence) -> Html:
    """The rungs that were measured, or what the search was told of them when it began."""
    title, tags = "What early stopping risks", evidence.search.parent.data.tags
    if RUNGS_TAG in tags:
        found = read(tags[RUNGS_TAG])
        if isinstance(found, Measurement):
            return section("early-stopping", title, *measured(found))
        return section("early-stopping", title, *(paragraph(line.strip()) for line in found.in_words()))
    if RISK_TAG in tags:
        return section("early-stopping", title, *(paragraph(line.strip()) for line in tags[RISK_TAG].splitlines()))
    text = "Not measured: it takes five candidates or more, trained to their end with scheduler=none past ASHA's rungs."
    return section("early-stopping", title, paragraph(text))


def measured(found: Measurement) -> tuple[Html, ...]:
    """Each rung by itself."""
    rows = [
        [
            Cell(str(rung.epoch), rung.epoch),
            Cell("" if math.isnan(rung.rho) else f"{rung.rho:.2f}".replace("-", "−"), rung.rho),
            Cell(f"{rung.going_on} of {rung.candidates}", rung.going_on),
            Cell(str(rung.top_going_on), rung.top_going_on),
            Cell(number(rung.lost), rung.lost),
        ]
        for rung in found.rungs
    ]
    columns = ["rung, epoch", "rho", "go on", "of the final best three", heading("error lost", found.unit)]
    words = (
        f"No trial was stopped, so that it can be told what ASHA's rungs (grace_epochs={found.grace_epochs}, "
        f"reduction_factor={found.reduction_factor}) would have done: rho is Spearman's rank correlation of the best "
        "validation error so far and at the end, and the error lost is what the best of those that go on ends above "
        "the best of all, each rung by itself."
    )
    caption = f"Rungs, from {found.candidates} candidates of one seed each"
    return (
        paragraph(words),
        table(caption, columns, rows, "rungs-table", numbered=[0, 1, 2, 3, 4]),
        paragraph(found.reservation()),
    )

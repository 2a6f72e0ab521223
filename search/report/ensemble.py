"""The ensemble that a search ended with."""

from __future__ import annotations

from search.ensemble_record import error_of_record, in_words, logged
from search.labels import ERROR_WORDS, counted
from search.report.evidence import Evidence
from search.report.markup import Html, element, join, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import heading, number


def ensemble_section(evidence: Evidence) -> Html:
    """Its members and its errors, as the search measured them; the test set is not asked again."""
    title = "The best ensemble"
    about = logged(evidence.search.client, evidence.run_id)
    if about is None:
        return section("ensemble", title, paragraph("This search chose no ensemble."))
    key = f"validation_{error_of_record(about)}"
    alone = f"validation {ERROR_WORDS[error_of_record(about)]}, alone"
    words = " ".join(line for line in in_words(about) if not line.startswith(" "))
    command = f"python -m search.register run={evidence.run_id} ensemble=true"
    rows = [
        [
            Cell(f"{member['weight']:.2f}", member["weight"]),
            Cell(member["network"]),
            Cell(str(member["seed"]), member["seed"]),
            Cell(number(member[key]), member[key]),
            *([] if member["parameters"] is None else [Cell(counted(member["parameters"]), member["parameters"])]),
        ]
        for member in about["members"]
    ]
    columns = ["weight", evidence.kind, "seed", heading(alone, evidence.unit), "parameters"][: len(rows[0])]
    return section(
        "ensemble",
        title,
        paragraph(words),
        table("Members of the ensemble", columns, rows, "ensemble-table", numbered=[0, *range(2, len(columns))]),
        paragraph(join("Take it into use: ", element("code", command), ".")),
    )

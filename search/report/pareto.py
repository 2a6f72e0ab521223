"""Which candidates no other beats in both error and cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from search.objectives import front, parameters_of, seconds_of
from search.pareto import objective_words, places, those_that_compare
from search.report.evidence import Evidence
from search.report.figures import GREY, ORANGE, Figure, axis, figure_block, log_axis, text_only
from search.report.markup import Html, element, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import count, heading, number
from search.results import Standing

Cost = Callable[[Standing], float]


def pareto_section(evidence: Evidence) -> Html:
    """Error against parameters and against training time."""
    trained = evidence.trained
    if not trained:
        return section("pareto", "What accuracy costs", paragraph("No trial came to a result."))
    text = (
        "A candidate is on the Pareto front where no other is at least as good in error and cost and better in one. "
        "Training seconds depend on the machine and on what else ran on it."
    )
    of_networks = [element("h3", "Against parameters"), against_parameters(evidence)] if evidence.has_networks else []
    return section(
        "pareto",
        "What accuracy costs",
        paragraph(text, goal(evidence)),
        *of_networks,
        element("h3", "Against training time"),
        figure_block(front_figure(evidence, "training time", seconds_of, "s")),
        front_table(evidence),
    )


def goal(evidence: Evidence) -> str:
    """What a search with several objectives lowered, and which of its candidates was tested."""
    objectives = evidence.search.config.objectives
    if not objectives:
        return ""
    found = places(evidence.standings, objectives)
    return (
        f" This search lowered {objective_words(objectives)} together: {sum(place.is_on_front for place in found)} of "
        f"{count(len(found), 'candidate')} are on the front of all {len(objectives)}. Chosen, and tested "
        f"once, is the first by validation {evidence.error_word}."
    )


def against_parameters(evidence: Evidence) -> Html:
    """The front by parameters; a sentence where all candidates have as many."""
    counts = {parameters_of(standing) for standing in evidence.trained}
    if len(counts) == 1 < len(evidence.trained):
        return paragraph(f"All candidates have {counts.pop():,.0f} parameters: the winner alone is on the front.")
    return figure_block(front_figure(evidence, "parameters", parameters_of))


def front_figure(evidence: Evidence, cost_name: str, cost: Cost, cost_unit: str = "") -> Figure:
    """All candidates as points, those on the front joined by a line."""
    trained = those_that_compare(evidence.standings, by_seconds=cost is seconds_of)
    costs, errors = [cost(s) for s in trained], [s.mean_error for s in trained]
    members = front(list(zip(errors, costs, strict=True)))
    others = sorted(set(range(len(trained))) - set(members))
    hover = (
        f"%{{text}}<br>{evidence.error_word} %{{y:.5~g}} {text_only(evidence.unit)}<br>"
        f"%{{x:,.4~g}} {cost_unit or cost_name}<extra></extra>"
    )

    def points(places: list[int], **more: Any) -> dict[str, Any]:
        return {
            "type": "scatter",
            "x": [costs[place] for place in places],
            "y": [errors[place] for place in places],
            "text": [f"{trained[place].rank}. {text_only(evidence.name(trained[place]))}" for place in places],
            "hovertemplate": hover,
            **more,
        }

    data = [
        points(others, mode="markers", name="beaten by one on the front", marker={"color": GREY, "size": 9}),
        points(
            members,
            mode="lines+markers",
            name="on the front",
            line={"shape": "hv", "color": ORANGE, "width": 2},
            marker={"color": ORANGE, "size": 11, "symbol": "diamond"},
        ),
    ]
    layout = {
        "xaxis": log_axis(heading(cost_name, cost_unit), costs),
        "yaxis": axis(heading(f"validation {evidence.error_word}", evidence.unit)),
        "height": 340,
    }
    names = "; ".join(evidence.name(trained[place]) for place in members[:4])
    more = f"; and {len(members) - 4} more" if len(members) > 4 else ""
    total = count(len(trained), "candidate")
    finding = (
        f"{len(members)} of {total} on the front of {evidence.error_word} against {cost_name}, the cheapest first: "
        f"{names}{more}."
    )
    return Figure(f"pareto-{cost_name.replace(' ', '-')}", finding, data, layout)


def front_table(evidence: Evidence) -> Html:
    """The members of either front, and of that of the search's objectives."""
    whole, objectives = those_that_compare(evidence.standings, by_seconds=True), evidence.search.config.objectives
    costs = {"parameters": parameters_of, "time": seconds_of} if evidence.has_networks else {"time": seconds_of}
    fronts: dict[str, list[Standing]] = {}
    for name, cost in costs.items():
        compared = whole if cost is seconds_of else evidence.trained
        fronts[name] = [compared[place] for place in front([(s.mean_error, cost(s)) for s in compared])]
    if len(objectives) > 2:
        fronts["both"] = [place.standing for place in places(evidence.standings, objectives) if place.is_on_front]
    members = {standing.rank: standing for on_it in fronts.values() for standing in on_it}
    rows = [
        [
            Cell(evidence.name(standing)),
            Cell(number(standing.mean_error), standing.mean_error),
            *([_parameters(standing)] if evidence.has_networks else []),
            Cell(f"{seconds_of(standing):,.1f}", seconds_of(standing)),
            *(Cell("yes" if standing in on_it else "no") for on_it in fronts.values()),
        ]
        for _, standing in sorted(members.items())
    ]
    columns = [
        evidence.kind,
        heading(f"validation {evidence.error_word}", evidence.unit),
        *(["parameters"] if evidence.has_networks else []),
        "training, s",
        *(f"on the front by {name}" for name in fronts),
    ]
    numbered = range(1, len(columns) - len(fronts))
    return table("Candidates on a front", columns, rows, "pareto-table", numbered=numbered)


def _parameters(standing: Standing) -> Cell:
    return Cell(f"{parameters_of(standing):,.0f}", parameters_of(standing))

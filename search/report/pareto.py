"""Which candidates no other beats in both error and cost."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from search.report.evidence import Evidence
from search.report.figures import GREY, ORANGE, Figure, axis, figure_block, log_axis, text_only
from search.report.markup import Html, element, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import count, heading, number
from search.results import Standing

Cost = Callable[[Standing], float]


def parameters_of(standing: Standing) -> float:
    """Trainable parameters."""
    return float(standing.candidate.parameter_count() or 0)


def seconds_of(standing: Standing) -> float:
    """Mean training seconds of the seeds that came to a result."""
    return statistics.fmean(result.seconds for result in standing.trained)


def front(costs: Sequence[float], errors: Sequence[float]) -> list[int]:
    """The places of the points that no other point is at least as good as in both and better in one, by cost."""
    order = sorted(range(len(costs)), key=lambda place: (costs[place], errors[place]))
    members: list[int] = []
    for place in order:
        if not members or errors[place] < errors[members[-1]] or _same(place, members[-1], costs, errors):
            members.append(place)
    return members


def _same(one: int, other: int, costs: Sequence[float], errors: Sequence[float]) -> bool:
    return costs[one] == costs[other] and errors[one] == errors[other]


def pareto_section(evidence: Evidence) -> Html:
    """Error against parameters and against training time."""
    trained = evidence.trained
    if not trained:
        return section("pareto", "What accuracy costs", paragraph("No trial came to a result."))
    text = (
        "A candidate is on the Pareto front where no other has both a lower error and a lower cost. "
        "Training seconds depend on the machine and on what else ran on it."
    )
    of_networks = [element("h3", "Against parameters"), against_parameters(evidence)] if evidence.has_networks else []
    return section(
        "pareto",
        "What accuracy costs",
        paragraph(text),
        *of_networks,
        element("h3", "Against training time"),
        figure_block(front_figure(evidence, "training time", seconds_of, "s")),
        front_table(evidence),
    )


def against_parameters(evidence: Evidence) -> Html:
    """The front by parameters; a sentence where all candidates have as many."""
    counts = {parameters_of(standing) for standing in evidence.trained}
    if len(counts) == 1 < len(evidence.trained):
        return paragraph(f"All candidates have {counts.pop():,.0f} parameters: the winner alone is on the front.")
    return figure_block(front_figure(evidence, "parameters", parameters_of))


def front_figure(evidence: Evidence, cost_name: str, cost: Cost, cost_unit: str = "") -> Figure:
    """All candidates as points, those on the front joined by a line."""
    trained = evidence.trained
    costs, errors = [cost(s) for s in trained], [s.mean_error for s in trained]
    members = front(costs, errors)
    others = sorted(set(range(len(trained))) - set(members))
    hover = (
        f"%{{text}}<br>MAE %{{y:.5~g}} {text_only(evidence.unit)}<br>"
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
        points(others, mode="markers", name="beaten in both", marker={"color": GREY, "size": 9}),
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
        "yaxis": axis(heading("validation MAE", evidence.unit)),
        "height": 340,
    }
    names = "; ".join(evidence.name(trained[place]) for place in members[:4])
    more = f"; and {len(members) - 4} more" if len(members) > 4 else ""
    total = count(len(trained), "candidate")
    finding = f"{len(members)} of {total} on the front of MAE against {cost_name}, the cheapest first: {names}{more}."
    return Figure(f"pareto-{cost_name.replace(' ', '-')}", finding, data, layout)


def front_table(evidence: Evidence) -> Html:
    """The members of either front."""
    trained = evidence.trained
    errors = [s.mean_error for s in trained]
    small, quick = (set(front([cost(s) for s in trained], errors)) for cost in (parameters_of, seconds_of))
    rows = [
        [
            Cell(evidence.name(trained[place])),
            Cell(number(errors[place]), errors[place]),
            Cell(f"{parameters_of(trained[place]):,.0f}", parameters_of(trained[place])),
            Cell(f"{seconds_of(trained[place]):,.1f}", seconds_of(trained[place])),
            Cell("yes" if place in small else "no"),
            Cell("yes" if place in quick else "no"),
        ]
        for place in sorted(small | quick)
    ]
    columns = [
        "network",
        heading("validation MAE", evidence.unit),
        "parameters",
        "training, s",
        "on the front by parameters",
        "on the front by time",
    ]
    return table("Candidates on either front", columns, rows, "pareto-table", numbered=[1, 2, 3])

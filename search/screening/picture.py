"""The page of figures: one HTML file that needs no network, made of the report's parts."""

from __future__ import annotations

from pathlib import Path

from search.report.figures import BLUE, GREY, Figure, axis, figure_block
from search.report.markup import Html, element, paragraph, section
from search.report.page import head
from search.report.script import SCRIPT
from search.report.tables import Cell, table
from search.report.wording import heading, number
from search.screening.maps import error_bars, hover, map_figure, score_name, score_of
from search.screening.outcome import Screening
from search.whole_file import whole_file

MOST_IN_A_FIGURE = 40

MAPS = {2: "Along the composition", 3: "Map of the three elements"}


def write_page(screening: Screening, path: Path) -> None:
    """Write the page, whole or not at all. Raises UserError where it cannot be written."""
    with whole_file(path, "picture") as partial:
        partial.write_text(page(screening), encoding="utf-8")


def page(screening: Screening) -> str:
    """The whole page."""
    about, order = screening.predictor.about, screening.order
    title = f"Screening of {', '.join(order.elements)}: {screening.target}"
    shown = min(len(screening.kept), MOST_IN_A_FIGURE)
    body = element(
        "body",
        element(
            "header",
            element("p", f"{order.model}: {about.get('chosen', '')}", class_="soft"),
            element("h1", title),
            paragraph(screening.story()),
            paragraph(screening.caution()),
        ),
        element(
            "main",
            element("noscript", element("p", "The figures need JavaScript; each has its finding in words below it.")),
            section(
                "all",
                MAPS.get(len(order.elements), "Chemical systems"),
                figure_block(map_figure(screening)),
            ),
            section("first", f"The first {shown}", figure_block(ranking_figure(screening))),
            section("table", "Table", ranking_table(screening)),
        ),
        element("script", Html(SCRIPT)),
    )
    return f"<!DOCTYPE html>\n{element('html', head(title), body, lang='en')}\n"


def ranking_figure(screening: Screening) -> Figure:
    """The first candidates with their intervals; those of energies above a hull are as wide as the energies'."""
    rows = screening.kept[:MOST_IN_A_FIGURE][::-1]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [score_of(screening, row) for row in rows],
            "y": [row.formula for row in rows],
            "error_x": error_bars(rows, GREY),
            "customdata": [hover(screening, row) for row in rows],
            "hovertemplate": "%{customdata}<extra></extra>",
            "marker": {"color": BLUE, "size": 9},
        }
    ]
    layout = {
        "xaxis": axis(score_name(screening), zeroline=screening.by_stability, zerolinecolor=GREY),
        "yaxis": axis("", type="category"),
        "height": 120 + 20 * len(rows),
        "showlegend": False,
    }
    first = rows[-1]
    finding = f"First is {first.formula} with {number(score_of(screening, first))} {screening.unit}".rstrip()
    return Figure("ranking", f"{finding}; bars are the model's 90 % intervals.", data, layout)


def ranking_table(screening: Screening) -> Html:
    """All that are kept."""
    columns = ["formula", "rank", heading(screening.target, screening.unit), "lower", "upper"]
    if screening.by_stability:
        columns += [score_name(screening), "competes with"]
    rows = []
    for rank, row in enumerate(screening.kept, start=1):
        cells = [Cell(row.formula), Cell(str(rank), rank)]
        cells += [Cell(number(value), value) for value in (row.value, row.lower, row.upper)]
        if row.above_hull is not None:
            cells += [Cell(number(row.above_hull, signed=True), row.above_hull), Cell(" + ".join(row.competitors))]
        rows.append([*cells, Cell(row.warning)])
    caption = f"The first {len(rows)} of {len(screening.candidates):,} candidates"
    if screening.by_stability:
        caption += "; * is itself predicted"
    return table(
        caption,
        [*columns, "warning"],
        rows,
        "ranking-table",
        numbered=[1, 2, 3, 4, *([5] if screening.by_stability else [])],
    )

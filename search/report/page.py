"""The page: its parts in order, with its style and its scripts inside it."""

from __future__ import annotations

from collections.abc import Callable

from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from search.report.choices import choices_section
from search.report.classes import classes_section
from search.report.cost import cost_section, origin
from search.report.curves import curves_section
from search.report.early_stopping import early_stopping_section
from search.report.elements import elements_section
from search.report.ensemble import ensemble_section
from search.report.evidence import Evidence
from search.report.markup import Html, element, join
from search.report.pareto import pareto_section
from search.report.question import lead, question_section
from search.report.ranking import ranking_section
from search.report.residuals import residuals_section
from search.report.script import SCRIPT
from search.report.style import STYLE

Section = tuple[str, str, Callable[[Evidence], Html]]

SECTIONS: tuple[Section, ...] = (
    ("question", "Question and data", question_section),
    ("ranking", "Ranking", ranking_section),
    ("pareto", "What accuracy costs", pareto_section),
    ("curves", "Learning curves", curves_section),
    ("early-stopping", "What early stopping risks", early_stopping_section),
    ("choices", "Which choices mattered", choices_section),
    ("predictions", "The winner's predictions", residuals_section),
    ("ensemble", "The best ensemble", ensemble_section),
    ("elements", "Error by element", elements_section),
    ("cost", "What it cost", cost_section),
)

OF_CLASSES: tuple[Section, ...] = tuple(
    ("predictions", "The winner's predictions", classes_section) if key == "predictions" else (key, name, make)
    for key, name, make in SECTIONS
    if key != "elements"
)
"""A classification's: without errors in the target's unit."""

NOTHING_FROM_OUTSIDE = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
"""The page needs no network, and its browser is told to allow it none."""


def page(evidence: Evidence) -> str:
    """The whole report as one HTML document."""
    config = evidence.search.config
    table = config.data.path or config.data.dataset
    title = f"{config.space.name} on {table}: {evidence.target}"
    parts = OF_CLASSES if evidence.split.classes else SECTIONS
    contents = element("ol", *(element("li", element("a", name, href=f"#{key}")) for key, name, _ in parts))
    sections = [make(evidence) for _, _, make in parts]
    body = element(
        "body",
        element(
            "header",
            element("p", "Report of an architecture search", class_="soft"),
            element("h1", title),
            lead(evidence),
        ),
        element("nav", contents, aria_label="Contents"),
        element(
            "main",
            element("noscript", element("p", "The figures need JavaScript; each has its finding in words below it.")),
            *sections,
        ),
        origin(evidence),
        element("script", Html(SCRIPT)),
    )
    return f"<!DOCTYPE html>\n{element('html', head(title), body, lang='en')}\n"


def head(title: str) -> Html:
    """Title, style and Plotly, once for all figures."""
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=NOTHING_FROM_OUTSIDE),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(STYLE)),
        join(element("script", Html(get_plotlyjs()))),
    )

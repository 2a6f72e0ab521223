"""Which choices mattered: main effects for a finite grid, Optuna's importance for a sampled space."""

from __future__ import annotations

from typing import Any

from search.config import SearchConfig
from search.report.effects import Effect, MainEffects, main_effects
from search.report.evidence import Evidence
from search.report.figures import BLUE, GREY, ORANGE, Figure, axis, figure_block, log_axis, text_only
from search.report.importance import FEWEST_CANDIDATES, importances, is_numeric, varied_parts
from search.report.markup import Html, paragraph, section
from search.report.tables import Cell, table
from search.report.wording import count, heading, number, shortened, with_unit

PANELS = 4


def choices_section(evidence: Evidence) -> Html:
    """What the candidates had in common that did well."""
    title = "Which choices mattered"
    if len(evidence.trained) < 2:
        return section("choices", title, paragraph("One candidate alone shows no choice."))
    body = effects_of_grid(evidence) if is_finite(evidence.search.config) else importance_of_sample(evidence)
    return section("choices", title, *body)


def is_finite(config: SearchConfig) -> bool:
    """Whether the candidates were listed from a grid, not sampled."""
    try:
        space = config.space.without_data(config.recipe)
    except (ValueError, KeyError):  # a space of another version
        return False
    return space.size is not None


def effects_of_grid(evidence: Evidence) -> list[Html]:
    """Differences between levels, drawn and tabled."""
    result = main_effects(evidence.trained)
    if not result.effects:
        return [paragraph(f"{count(len(evidence.trained), 'candidate')}: too few to compare the choices made in them.")]
    text = (
        f"The mean validation {evidence.error_word} of the candidates with a choice, less that of the candidates with "
        "the choice it is compared with, other choices held equal. Below 0 is better. "
        f"The 95 % intervals come from {result.interval_source}."
    )
    if result.inseparable:
        text += f" Not separable from the choices shown: {', '.join(result.inseparable)}."
    return [paragraph(text), figure_block(effects_figure(result, evidence)), effects_table(result, evidence)]


def verdict(effect: Effect) -> str:
    """What may be said of an effect."""
    if effect.half_width is None:
        return "no interval can be given"
    if not effect.is_distinguishable:
        return "not distinguishable"
    return "lower error" if effect.difference < 0 else "higher error"


def effects_figure(result: MainEffects, evidence: Evidence) -> Figure:
    """A point and an interval for each effect; those that leave out 0 stand out."""
    unit = evidence.unit
    effects = list(reversed(result.effects))
    # Each has a place of its own, and its whole name under the pointer: cut, the labels of two may be the same.
    labels = [f"{shortened(f'{e.factor}: {e.level}', 34)}<br>vs {shortened(e.reference, 30)}" for e in effects]
    colours = [BLUE if effect.is_distinguishable else GREY for effect in effects]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [effect.difference],
            "y": [place],
            "error_x": {"type": "data", "array": [effect.half_width or 0], "color": colour, "thickness": 2},
            "marker": {"color": colour, "size": 10, "symbol": "circle" if effect.is_distinguishable else "circle-open"},
            "hovertemplate": f"{effect.factor}: {effect.level}<br>vs {effect.reference}<br>"
            f"{number(effect.difference, signed=True)} {unit}"
            f" ± {number(effect.half_width or 0)}<br>{verdict(effect)}<extra></extra>",
        }
        for place, (effect, colour) in enumerate(zip(effects, colours, strict=True))
    ]
    layout = {
        "xaxis": axis(
            heading(f"difference in validation {evidence.error_word}", unit), zeroline=True, zerolinecolor="#566070"
        ),
        "yaxis": axis(
            "", showgrid=False, tickvals=list(range(len(effects))), ticktext=labels, range=[-0.6, len(effects) - 0.4]
        ),
        "showlegend": False,
        "height": 110 + 46 * len(effects),
    }
    return Figure("effects", effects_finding(result, evidence), data, layout)


def effects_finding(result: MainEffects, evidence: Evidence) -> str:
    """The effects that can be told from chance, in a sentence."""
    clear = sorted((e for e in result.effects if e.is_distinguishable), key=lambda effect: effect.difference)
    if not clear:
        return "No choice's effect is distinguishable from 0."
    said = "; ".join(
        f"{e.factor}: {e.level} {'lowers' if e.difference < 0 else 'raises'} the {evidence.error_word} by "
        f"{with_unit(number(abs(e.difference)), evidence.unit)} against {e.reference}"
        for e in clear
    )
    rest = len(result.effects) - len(clear)
    return f"{said}." + (f" {count(rest, 'effect is', 'effects are')} not distinguishable from 0." if rest else "")


def effects_table(result: MainEffects, evidence: Evidence) -> Html:
    """The effects as numbers."""
    rows = [
        [
            Cell(effect.factor),
            Cell(effect.level),
            Cell(effect.reference),
            Cell(str(effect.candidates), effect.candidates),
            Cell(number(effect.difference, signed=True), effect.difference),
            Cell("" if effect.half_width is None else f"± {number(effect.half_width)}", effect.half_width),
            Cell(verdict(effect)),
        ]
        for effect in result.effects
    ]
    columns = [
        "choice",
        "level",
        "against",
        "candidates",
        heading("difference", evidence.unit),
        "95 % interval",
        "verdict",
    ]
    return table(
        f"Main effects on the validation {evidence.error_word}", columns, rows, "effects-table", numbered=[3, 4, 5]
    )


def importance_of_sample(evidence: Evidence) -> list[Html]:
    """Shares of the variance, and the error over the most important choices."""
    shares = importances(evidence.trained)
    if not shares:
        text = (
            f"{count(len(evidence.trained), 'candidate')}: too few to tell (at least {FEWEST_CANDIDATES} are needed)."
        )
        return [paragraph(text)]
    text = (
        f"The share of each choice in the variance of the logarithm of the validation {evidence.error_word} over "
        f"{count(len(evidence.trained), 'candidate')}, by Optuna's fANOVA "
        "(each choice by itself; the shares add up to 100 %). "
        "Numbers enter by their rank among the values tried. The candidates were chosen by the search, not at "
        "random: a choice that was settled early shows less than its weight."
    )
    blocks = [paragraph(text), figure_block(importance_figure(shares))]
    return [*blocks, *(figure_block(slice_figure(evidence, name)) for name in list(shares)[:PANELS])]


def importance_figure(shares: dict[str, float]) -> Figure:
    """Bars, the most important choice on top."""
    names = list(reversed(shares))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [100 * shares[name] for name in names],
            "y": [name.replace("_", " ") for name in names],
            "text": [f"{100 * shares[name]:.0f} %" for name in names],
            "textposition": "outside",
            "cliponaxis": False,
            "marker": {"color": BLUE},
            "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
        }
    ]
    across = axis("importance, %", range=[0, 115 * max(shares.values())])
    layout = {"xaxis": across, "yaxis": axis("", showgrid=False), "height": 110 + 30 * len(names)}
    first = next(iter(shares))
    finding = f"The largest share, {100 * shares[first]:.0f} %, is that of {first.replace('_', ' ')}."
    return Figure("importance", finding, data, layout)


def slice_figure(evidence: Evidence, name: str) -> Figure:
    """The error of every candidate over the value of one choice."""
    values = varied_parts(evidence.trained)[name]
    errors = [standing.mean_error for standing in evidence.trained]
    best = evidence.trained[0]
    title = name.replace("_", " ")
    wide = is_numeric(values) and min(map(float, values)) > 0 and max(map(float, values)) > 20 * min(map(float, values))
    across = values if is_numeric(values) else [text_only(str(value)) for value in values]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": across,
            "y": errors,
            "text": [text_only(evidence.name(standing)) for standing in evidence.trained],
            "marker": {"color": [ORANGE, *[BLUE] * (len(errors) - 1)], "size": [12, *[8] * (len(errors) - 1)],
                       "opacity": 0.75, "symbol": ["diamond", *["circle"] * (len(errors) - 1)]},
            "hovertemplate": f"%{{text}}<br>{title} %{{x}}: {evidence.error_word} %{{y:.5~g}}<extra></extra>",
        }
    ]  # fmt: skip
    numbers = [float(value) for value in values] if is_numeric(values) else []
    layout = {
        "xaxis": log_axis(title, numbers) if wide else axis(title, **({} if numbers else {"type": "category"})),
        "yaxis": log_axis(heading(f"validation {evidence.error_word}", evidence.unit), errors),
        "height": 280,
    }
    value = values[0]
    shown = f"{value:.3g}" if isinstance(value, float) else str(value)
    finding = (
        f"Validation {evidence.error_word} over {title}; the winner (diamond), {evidence.name(best)}, has {shown}."
    )
    return Figure(f"slice-{name}", finding, data, layout)

"""A periodic table in HTML: a value and a count for each element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search.data import ELEMENTS
from search.report.markup import Html, element
from search.report.wording import number

LAYOUT = """
H  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  He
Li Be .  .  .  .  .  .  .  .  .  .  B  C  N  O  F  Ne
Na Mg .  .  .  .  .  .  .  .  .  .  Al Si P  S  Cl Ar
K  Ca Sc Ti V  Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y  Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I  Xe
Cs Ba .  Hf Ta W  Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn
Fr Ra .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
.  .  La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu .
.  .  Ac Th Pa U  Np Pu .  .  .  .  .  .  .  .  .  .
"""
"""The 86 elements of the networks' input where chemists look for them, and the others among them, as empty places."""

SHADES = ("#eef4fa", "#cfe1f2", "#9fc8e4", "#5ba3cf", "#2676b8", "#0b3f7f")
"""Light to dark of one hue, so that they keep their order in grey."""
FIRST_DARK_SHADE = 3


@dataclass(frozen=True)
class ElementError:
    """Mean absolute error (target's unit) over an element's held-out `compositions`; `trained` others trained on."""

    symbol: str
    mae: float
    compositions: int
    trained: int


def places() -> dict[str, tuple[int, int]]:
    """Symbol -> row and column, from 1."""
    return {
        symbol: (row, column)
        for row, line in enumerate(LAYOUT.strip().splitlines(), start=1)
        for column, symbol in enumerate(line.split(), start=1)
        if symbol != "."
    }


def periodic_table(errors: Mapping[str, ElementError], unit: str, summary: str) -> Html:
    """The table; what a screen reader hears is `summary`, the numbers are also in the table that follows it."""
    bounds = shade_bounds([error.mae for error in errors.values()])
    cells = [_cell(symbol, place, errors, bounds, unit) for symbol, place in places().items()]
    grid = element("div", *cells, class_="elements", role="img", aria_label=summary)
    return element("div", element("div", grid, class_="wide"), _key(bounds, unit))


def shade_bounds(values: list[float]) -> list[float]:
    """The upper end of every shade but the last, evenly spaced up to the 95th percentile: one outlier is one shade."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return [low + (high - low) * step / len(SHADES) for step in range(1, len(SHADES))]


def shade_of(value: float, bounds: list[float]) -> int:
    """The number of a value's shade."""
    return sum(value > bound for bound in bounds)


def _cell(
    symbol: str, place: tuple[int, int], errors: Mapping[str, ElementError], bounds: list[float], unit: str
) -> Html:
    position = f"grid-row:{place[0]};grid-column:{place[1]};"
    error = errors.get(symbol)
    if error is None:
        outside = symbol not in ELEMENTS
        title = f"{symbol}: {'not an input of the networks' if outside else 'in no composition held out'}"
        kind = "outside" if outside else "unseen"
        return element("div", element("b", symbol), class_=kind, style=position, title=title)
    shade = shade_of(error.mae, bounds)
    colours = f"background:{SHADES[shade]};color:{'#ffffff' if shade >= FIRST_DARK_SHADE + 1 else '#1c2530'};"
    title = (
        f"{symbol}: MAE {number(error.mae)} {unit}".rstrip()
        + f" over {error.compositions:,} held-out compositions; {error.trained:,} in training"
    )
    return element(
        "div",
        element("b", symbol),
        short(error.mae),
        element("br"),
        f"n {error.compositions:,}",
        style=position + colours,
        title=title,
    )


def short(value: float) -> str:
    """At most five characters, for a small cell."""
    if value >= 1000:
        return f"{value:.0e}".replace("e+0", "e")
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _key(bounds: list[float], unit: str) -> Html:
    samples = [element("i", style=f"background:{shade}") for shade in SHADES]
    low, high = number(bounds[0]), number(bounds[-1])
    text = f"MAE up to {low} (lightest), above {high} (darkest) {unit}".rstrip()
    return element("div", *samples, element("span", f"\u2002{text}; n: held-out compositions"), class_="key")

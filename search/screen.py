"""The command that looks for new compounds: `python -m search.screen model=<name> elements=Li,Fe,P,O`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from search.arguments import read_arguments, run_command, usage
from search.data import ELEMENTS
from search.errors import UserError
from search.group_settings import Setting
from search.readers import STORE, TEXT, TRUTH, one_of, whole
from search.settings import DEFAULT_URI

COMMAND = "search.screen"
MAX_ATOMS, KEEP = 8, 100
DEFAULT_PICTURE = "screen.html"

STABILITY, LOWEST, HIGHEST = "stability", "lowest", "highest"
CHARGE, NO_RULES = "charge", "none"

WHICH = "H to Pu, but for He, Ne, Ar, Po, At, Rn, Fr and Ra"
"""The networks' elements, in words."""

SETTINGS: Mapping[str, Setting] = {
    "model": Setting(TEXT, "a registered model: <name>, <name>@<alias>, <name>/<version>; the champion if bare"),
    "elements": Setting(TEXT, "two elements or more to combine, as in Li,Fe,P,O"),
    "max_atoms": Setting(whole(2, 100), f"the most atoms in a formula unit; {MAX_ATOMS} if left out"),
    "min_elements": Setting(whole(2, 86), "the fewest different elements in a formula; 2 if left out"),
    "max_elements": Setting(whole(2, 86), "the most different elements in a formula; all if left out"),
    "rules": Setting(
        one_of((CHARGE, NO_RULES)),
        "charge: neutral by common oxidation states, anions the more electronegative; none: every formula, "
        "intermetallics too; charge if left out",
    ),
    "mixed_valence": Setting(
        TRUTH, "one element may have two oxidation states at once, as in Fe3O4; false if left out"
    ),
    "order": Setting(
        one_of((STABILITY, LOWEST, HIGHEST)),
        "what comes first: the most stable (formation energies only, and their default), the lowest or highest value",
    ),
    "keep": Setting(whole(1, 100_000), f"how many of the ranking to keep; {KEEP} if left out"),
    "output": Setting(TEXT, "the table to write, .csv or .parquet; if left out, it is printed"),
    "picture": Setting(
        TEXT, f"the page of figures to write, .html; named as output= if left out, {DEFAULT_PICTURE} without that"
    ),
    "precision": Setting(
        one_of(("float32", "bfloat16")), "of the networks' products; bfloat16 is faster and a little rougher"
    ),
    "tracking.uri": Setting(STORE, f"where MLflow keeps its models; {DEFAULT_URI} if left out"),
}

HELP = usage(
    COMMAND,
    "enumerate compositions that nobody has computed, predict them, and rank them",
    [
        "python -m search.screen model=mp-formation_energy elements=Li,Fe,P,O max_atoms=8 keep=100",
        "python -m search.screen model=mp-formation_energy elements=Li,Fe,O mixed_valence=true output=screened.csv",
        "python -m search.screen model=mp-band_gap elements=Ga,In,N,P order=highest",
    ],
    SETTINGS,
)


@dataclass(frozen=True)
class Order:
    """What to screen with which model, how to rank it (None: by stability where the model can), and where it goes."""

    model: str
    elements: tuple[str, ...]
    max_atoms: int
    min_elements: int
    max_elements: int
    rules: str
    mixed_valence: bool
    ranking: str | None
    keep: int
    output: Path | None
    picture: Path
    bfloat16: bool
    uri: str


def main(arguments: Sequence[str]) -> int:
    """Screen, and print or write; raises UserError."""
    values, _ = read_arguments(arguments, SETTINGS)
    order = order_of(values)
    # MLflow, torch and pymatgen take seconds to import: a typing error need not wait for them.
    return int(import_module("search.screening.screening").screen(order))


def order_of(values: Mapping[str, Any]) -> Order:
    """The order that the arguments make. Raises UserError where something is missing or contradicts."""
    if "model" not in values:
        raise UserError("which model? Say model=<name>; python -m search.register prints the name.")
    if "elements" not in values:
        raise UserError("which elements? Say elements=Li,Fe,P,O, for one.")
    elements = elements_of(values["elements"])
    fewest, most = values.get("min_elements", 2), values.get("max_elements", len(elements))
    if not fewest <= min(most, len(elements), values.get("max_atoms", MAX_ATOMS)):
        raise UserError(
            f"min_elements={fewest} is more than max_elements= or max_atoms= allow, or than the {len(elements)} "
            "elements given: no formula has so many."
        )
    if values.get("mixed_valence") and values.get("rules") == NO_RULES:
        raise UserError("mixed_valence=true loosens the charge rule and rules=none has none: leave out one of them.")
    output = Path(values["output"]) if "output" in values else None
    return Order(
        model=values["model"],
        elements=elements,
        max_atoms=values.get("max_atoms", MAX_ATOMS),
        min_elements=fewest,
        max_elements=most,
        rules=values.get("rules", CHARGE),
        mixed_valence=values.get("mixed_valence", False),
        ranking=values.get("order"),
        keep=values.get("keep", KEEP),
        output=output,
        picture=picture_of(values.get("picture"), output),
        bfloat16=values.get("precision") == "bfloat16",
        uri=values.get("tracking.uri", DEFAULT_URI),
    )


def elements_of(text: str) -> tuple[str, ...]:
    """The symbols of `Li,Fe,P,O`. Raises UserError for what is none, twice there, or too few."""
    symbols = tuple(symbol.strip() for symbol in text.strip("[]").split(",") if symbol.strip())
    for symbol in symbols:
        if symbol not in ELEMENTS:
            meant = symbol.capitalize()
            hint = f": did you mean {meant}?" if meant in ELEMENTS else f", which are {WHICH}."
            raise UserError(f"elements={text}: {symbol} is none of the {len(ELEMENTS)} elements of networks{hint}")
        if symbols.count(symbol) > 1:
            raise UserError(f"elements={text}: {symbol} is there more than once; name each element once.")
    if len(symbols) < 2:
        raise UserError(f"elements={text}: a compound takes two elements or more, as in elements=Li,Fe,P,O.")
    return symbols


def picture_of(asked: str | None, output: Path | None) -> Path:
    """Where the page of figures goes. Raises UserError for a file that could not be written."""
    path = Path(asked or (output.with_suffix(".html") if output else DEFAULT_PICTURE))
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"picture={path} must end in .html: the figures are a page for a browser.")
    if path.is_dir():
        raise UserError(f"picture={path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise UserError(f"picture={path} cannot be written: there is no folder {path.parent}; make it first.")
    return path


if __name__ == "__main__":
    sys.exit(run_command(COMMAND, main, HELP))

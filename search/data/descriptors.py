"""The elements' physical properties that `models` ships as a table: python -m search.data.descriptors writes it.

All are pymatgen's. `models` may not import pymatgen, so the table lies there as a file; a test compares the two.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

import models
from models.inputs import DESCRIPTOR_FILE
from search.data.composition import ELEMENTS
from search.whole_file import whole_file

FILE = Path(models.__file__).with_name(DESCRIPTOR_FILE)


def _outer_electrons(shell: str, below: int) -> Callable[[Element], float]:
    """Electrons in one kind of the shells that fill in an element's row: its own (0) or one or two below it."""

    def count(element: Element) -> float:
        shells = element.full_electronic_structure
        # the row, and not the outermost shell that holds any: palladium, of the fifth, has none in its own
        return sum(electrons for number, kind, electrons in shells if (number, kind) == (element.row - below, shell))

    return count


PROPERTIES: dict[str, Callable[[Element], float | None]] = {
    "mendeleev_number": lambda e: e.mendeleev_no,
    "row": lambda e: e.row,
    "group": lambda e: e.group,
    "atomic_mass": lambda e: e.atomic_mass,
    "electronegativity": lambda e: e.X,
    "electron_affinity": lambda e: e.electron_affinity,
    "ionization_energy": lambda e: e.ionization_energy,
    "atomic_radius": lambda e: e.atomic_radius,
    "average_ionic_radius": lambda e: e.average_ionic_radius,
    "van_der_waals_radius": lambda e: e.van_der_waals_radius,
    "molar_volume": lambda e: e.molar_volume,
    "melting_point": lambda e: e.melting_point,
    "boiling_point": lambda e: e.boiling_point,
    "log_thermal_conductivity": lambda e: math.log(e.thermal_conductivity),
    "bulk_modulus": lambda e: e.bulk_modulus,
    "max_oxidation_state": lambda e: e.max_oxidation_state,
    "min_oxidation_state": lambda e: e.min_oxidation_state,
    "s_electrons": _outer_electrons("s", 0),
    "p_electrons": _outer_electrons("p", 0),
    "d_electrons": _outer_electrons("d", 1),
    "f_electrons": _outer_electrons("f", 2),
}


def values_of(name: str) -> NDArray[np.float64]:
    """A property of every element of the paper's order, in pymatgen's unit; one that nobody has measured is filled in.

    The mean of its group in the periodic table stands for it, or that of all elements where the group has none.
    """
    elements = [Element(symbol) for symbol in ELEMENTS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a property that pymatgen has not
        known = [PROPERTIES[name](element) for element in elements]
    values = np.array([math.nan if value is None else float(value) for value in known])
    groups = np.array([element.group for element in elements])
    for place in np.flatnonzero(np.isnan(values)):
        alike = values[groups == groups[place]]
        values[place] = np.nanmean(alike if not np.isnan(alike).all() else values)
    return values


def descriptor_table() -> NDArray[np.float64]:
    """(86, DESCRIPTORS): every property of every element, each with mean 0 and standard deviation 1."""
    table = np.stack([values_of(name) for name in PROPERTIES], axis=1)
    standardised: NDArray[np.float64] = (table - table.mean(axis=0)) / table.std(axis=0)
    return standardised


def main() -> None:
    """Write the table: a heading, and a line for each element."""
    lines = [",".join(["element", *PROPERTIES])]
    for symbol, row in zip(ELEMENTS, descriptor_table(), strict=True):
        lines.append(",".join([symbol, *(f"{value:.6f}" for value in row)]))
    with whole_file(FILE, "the table") as path:
        path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""The table that is shipped is the one that pymatgen gives."""

import numpy as np

from models.encoding import element_descriptors
from search.data.composition import ELEMENTS
from search.data.descriptors import FILE, PROPERTIES, descriptor_table, values_of


def test_the_shipped_table_is_pymatgens() -> None:
    np.testing.assert_allclose(element_descriptors(), descriptor_table(), atol=1e-4)
    heading, *lines = FILE.read_text().splitlines()
    assert heading.split(",") == ["element", *PROPERTIES]
    assert tuple(line.split(",")[0] for line in lines) == ELEMENTS


def test_values_are_the_elements_and_none_is_missing() -> None:
    """Textbook values."""
    of = {name: dict(zip(ELEMENTS, values_of(name), strict=True)) for name in ("electronegativity", "d_electrons")}
    assert (of["electronegativity"]["O"], of["electronegativity"]["Cs"]) == (3.44, 0.79)
    assert (of["d_electrons"]["Fe"], of["d_electrons"]["Na"]) == (6, 0)
    assert np.isfinite(descriptor_table()).all()


def test_outer_electrons_are_those_of_the_elements_row() -> None:
    """Palladium, 4d10 without 5s, is no noble gas."""
    place = ELEMENTS.index
    s, p, d, f = (values_of(f"{kind}_electrons") for kind in "spdf")
    assert [shell[place("Pd")] for shell in (s, p, d, f)] == [0, 0, 10, 0]
    assert [shell[place("Kr")] for shell in (s, p, d, f)] == [2, 6, 10, 0]
    assert [shell[place("Fe")] for shell in (s, p, d, f)] == [2, 0, 6, 0]
    assert [shell[place("Gd")] for shell in (s, p, d, f)] == [2, 0, 1, 7]

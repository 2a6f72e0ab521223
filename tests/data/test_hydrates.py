"""Hydrates and other formulas as chemists type them are read as what they are, or not at all."""

import numpy as np
import pytest

from search.data import featurise
from search.data.cleaning import clean
from search.data.composition import AMBIGUOUS_FULL_STOP, OUTSIDE, TOO_LARGE, UNREADABLE
from search.data.table import Table


@pytest.mark.parametrize(
    "formula",
    ["CuSO4.5H2O", "Na2CO3.10H2O", "Al2(SO4)3.18H2O", "[Co(NH3)6]Cl3.4H2O", "NaCl.2H2O", "CuSO4.5(H2O)",
     "K2[PtCl4].2[H2O]", "CaSO4.0.5H2O", "CuSO4. 5H2O", "CuSO4 . 5 H2O", "CuSO4.5D2O", "CuSO₄.5H₂O",
     "MgCl2.6NH3", "CaCl2.8(NH3)", "BaO.6Fe2O3", "Na2O.11Al2O3", "CaO.2SiO2", "3Al2O3.2SiO2", "KF.2HF",
     "CaO.2SiO2.NaCl", "K2SO4.Al2(SO4)3.24H2O", "Na10.5H2O", "CuSO4.5H2O·NaCl", " CuSO4.5H2O\u200b"],
)  # fmt: skip
def test_parts_beside_a_full_stop_that_may_be_a_decimal_point_are_rejected_with_its_reason(formula: str) -> None:
    assert featurise(["NaCl", formula]).reasons == {1: AMBIGUOUS_FULL_STOP}
    assert AMBIGUOUS_FULL_STOP.startswith(UNREADABLE)


@pytest.mark.parametrize(
    ("formula", "same"),
    [
        ("Na0.5H2O", "NaH4O2"),
        ("Mg0.5H2O", "MgH4O2"),
        ("Mg00.5H2O", "MgH4O2"),
        ("SO4.05H2O", "S20O101H40"),
        ("SO4.125H2O", "S8O41H16"),
        ("CuSO4.500H2O", "Cu2S2O11H4"),
        ("V2O4.5(H2O)2", "V4O13H8"),
        ("BaO0.6Fe2O3", "Ba5Fe10O18"),
        ("La.7Sr.3MnO3", "La7Sr3Mn10O30"),
        ("BaZr.2Ti.8O3", "Ba5ZrTi4O15"),
        ("Ni.5N", "NiN2"),
        ("Cr2O2.5(OH)", "Cr4O7H2"),
        ("Cs1.5H2O1", "Cs3H4O2"),
        ("Fe1.5O2.5", "Fe3O5"),
        ("Cs1.5H2O2", "Cs3H4O4"),
        ("O4.5H2OS", "O11H4S2"),
    ],
)
def test_amounts_with_a_decimal_point_are_read_as_they_were(formula: str, same: str) -> None:
    read = featurise([formula, same])
    assert not read.reasons
    np.testing.assert_allclose(read.x[0], read.x[1], rtol=1e-6)


@pytest.mark.parametrize("dot", ["·", "•", "∙", "*", "⋅", "\u0387", "‧", "●", "・", "･", "∗", " · ", " * "])
@pytest.mark.parametrize(
    ("parts", "same"),
    [
        (["CuSO4", "5H2O"], "CuSO4(H2O)5"),
        (["Fe2O3", "H2O"], "Fe2O4H2"),
        (["3CaO", "Al2O3"], "Ca3Al2O6"),
        (["CaSO4", "0.5H2O"], "Ca2S2O9H2"),
        (["CaSO4", ".5 (H2O)"], "Ca2S2O9H2"),
        (["K2SO4", "Al2(SO4)3", "24H2O"], "K2Al2(SO4)4(H2O)24"),
        (["2NaCl", "0H2O"], "NaCl"),
    ],
)
def test_parts_beside_dots_are_added_up(dot: str, parts: list[str], same: str) -> None:
    read = featurise([dot.join(parts), same])
    assert not read.reasons
    np.testing.assert_allclose(read.x[0], read.x[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("formula", "same"),
    [
        ("Fe2O3.H2O", "Fe2O4H2"),
        ("NaCl.H2O", "NaClH2O"),
        ("CuSO4.(H2O)5", "CuSO4(H2O)5"),
        ("3CaO.Al2O3", "Ca3Al2O6"),
        ("Fe₂O₃", "Fe2O3"),
        ("\ufeffFe\u200b2O\u00ad3\u00a0", "Fe2O3"),
        ("Fe2\u00a0O3", "Fe2O3"),
        ("CuSO₄·5H₂O", "CuSO4(H2O)5"),
    ],
)
def test_a_full_stop_before_a_letter_and_what_cannot_be_seen(formula: str, same: str) -> None:
    read = featurise([formula, same])
    assert not read.reasons
    np.testing.assert_allclose(read.x[0], read.x[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("·", UNREADABLE),
        ("CuSO4·", UNREADABLE),
        ("·5H2O", UNREADABLE),
        ("CuSO4·5", UNREADABLE),
        ("CuSO4·xH2O", UNREADABLE),
        ("2NaCl", UNREADABLE),
        ("MgB2*", UNREADABLE),
        ("PoO2·H2O", f"{OUTSIDE}: Po"),
        ("CuSO4·5D2O", f"{OUTSIDE}: D"),
        ("H·" + "9" * 400 + "H2O", TOO_LARGE),
    ],
)
def test_parts_that_are_none(formula: str, reason: str) -> None:
    assert featurise([formula]).reasons == {0: reason}


def test_a_table_counts_and_names_them() -> None:
    table = Table(["NaCl", "CuSO4.5H2O", "CuSO4·5H2O"], [1, 2, 3], [2, 3, 4], None, "gap", None, False)
    report = clean(table, "a test", "", 0.0).report
    assert report.rejected == {AMBIGUOUS_FULL_STOP: 1}
    assert str(report.examples[AMBIGUOUS_FULL_STOP][0]) == "line 3: CuSO4.5H2O = 2"

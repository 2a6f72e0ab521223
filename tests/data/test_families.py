"""Families of compounds, by composition alone."""

from search.data import featurise
from search.data.families import FAMILIES


def test_families_are_told_by_composition() -> None:
    formulas = ["NaCl", "Na2Cl2", "Na0.5Cl0.5", "CaTiO3", "BaTi1O3", "CsPbI3", "CaTiAu3", "Na2Cl", "Fe", "Xx", "LiAlO2"]
    read = featurise(formulas)
    assert [f for f, ok in zip(formulas, FAMILIES["binaries"](read), strict=True) if ok] == formulas[:3]
    assert [f for f, ok in zip(formulas, FAMILIES["perovskites"](read), strict=True) if ok] == formulas[3:6]


def test_perovskites_are_of_any_of_the_ten_anions() -> None:
    members = [f"CsPb{anion}3" for anion in ("H", "N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I")]
    assert FAMILIES["perovskites"](featurise([*members, "CsPbP3"])).tolist() == [True] * 10 + [False]

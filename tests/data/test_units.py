"""Units in the names of columns: found where they are, and nothing else taken for one."""

import pytest

from search.data import DataRequest, load
from search.data.units import name_and_unit

from .conftest import WriteCsv


@pytest.mark.parametrize(
    ("column", "name", "unit"),
    [
        ("E_form (eV/atom)", "E_form", "eV/atom"),
        ("Conductivity (S/cm)", "Conductivity", "S/cm"),
        ("kappa [W m^-1 K^-1]", "kappa", "W m^-1 K^-1"),
        ("thermal expansion (10^-6 K⁻¹)", "thermal expansion", "10^-6 K⁻¹"),
        ("bulk modulus(GPa)", "bulk modulus", "GPa"),
        ("Tc (K) ", "Tc", "K"),
        ("E (meV)", "E", "meV"),
        ("density (g/cm3)", "density", "g/cm3"),
        ("volume (Å^3 per atom)", "volume", "Å^3 per atom"),
        ("moment (μB/f.u.)", "moment", "μB/f.u."),
        ("porosity (%)", "porosity", "%"),
        ("alpha (1/K)", "alpha", "1/K"),
        ("n (10^20 / cm^3)", "n", "10^20 / cm^3"),
    ],
)
def test_a_unit_in_brackets_is_one(column: str, name: str, unit: str) -> None:
    assert name_and_unit(column) == (name, unit)


@pytest.mark.parametrize(
    "column",
    [
        "gap",
        "gap (PBE)",
        "ZT (300 K)",
        "gap (0 K)",
        "Tc (10 K)",
        "Conductivity (at 300 K)",
        "E_hull (eV at 0 K)",
        "T (1 bar)",
        "gap (GS)",
        "gap (min)",
        "fraction (Mg)",
        "entropy (S)",
        "energy (DFT)",
        "Tc (exp.)",
        "(eV)",
        "E (eV) corrected",
        "x (2)",
        "a ()",
        "gap (eV",
        "a (b (K))",
    ],
)
def test_what_else_is_in_brackets_belongs_to_the_name(column: str) -> None:
    assert name_and_unit(column) == (column, "")


def test_the_unit_in_a_heading_is_the_targets(write_csv: WriteCsv) -> None:
    path = str(write_csv("formula,gap (eV)", *(f"Fe{n}O,{n % 2}" for n in range(1, 31))))
    split = load(DataRequest("csv", path=path, target="gap (eV)"))
    assert (split.target_name, split.unit, split.report.unit) == ("gap", "eV", "eV")
    classes = load(DataRequest("csv", path=path, target="gap (eV)", task="classification"))
    assert (classes.target_name, classes.unit) == ("gap (eV)", ""), "classes have no unit"

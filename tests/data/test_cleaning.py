import json
import math

import numpy as np
import pytest

from search.data.cleaning import BELOW_FLOOR, MISSING, NOT_A_NUMBER, NOT_FINITE, OUTLIER, WRONG_WIDTH, Cleaned, clean
from search.data.composition import EMPTY, OUTSIDE, UNREADABLE
from search.data.report import CleaningReport
from search.data.table import Table


def table(rows: list[tuple[object, object]], **changes: object) -> Table:
    values: dict[str, object] = {
        "formulas": [formula for formula, _ in rows],
        "values": [value for _, value in rows],
        "lines": list(range(2, len(rows) + 2)),
        "energies": None,
        "target": "formation_energy",
        "energy_column": None,
        "target_is_energy": True,
        **changes,
    }
    return Table(**values)  # type: ignore[arg-type]


def cleaned(rows: list[tuple[object, object]], outliers: float = 5.0, **changes: object) -> Cleaned:
    return clean(table(rows, **changes), "a test", "eV/atom", outliers)


def kept(result: Cleaned) -> dict[str, float]:
    return dict(zip(result.formulas, result.y.tolist(), strict=True))


def accounted(report: CleaningReport) -> bool:
    return report.rows_in == report.rows_kept + report.merged + report.rows_rejected + report.left_out


def test_every_kind_of_bad_row_is_counted_with_examples() -> None:
    result = cleaned(
        [("NaCl", "-2"), ("", "1"), ("Fe-O", "1"), ("PoO", "1"), ("FeO", "abc"), ("FeO", ""), ("FeO", "na"),
         ("FeO", "nan"), ("FeO", None), ("FeO", math.nan), ("FeO", "inf"), ("FeO", "1e39"), ("FeO", "-Infinity"),
         ("Xx", "abc"), ("CaO", "-3"), (None, 1.0)],
        malformed=[(99, "a,b,c")],
    )  # fmt: skip
    assert kept(result) == {"NaCl": -2.0, "CaO": -3.0}
    report = result.report
    assert report.rejected == {
        EMPTY: 1, UNREADABLE: 2, f"{OUTSIDE}: Po": 1, NOT_A_NUMBER: 1, MISSING: 5, NOT_FINITE: 3, WRONG_WIDTH: 1,
        "formula is not text": 1,
    }  # fmt: skip
    assert accounted(report)
    assert str(report.examples[NOT_A_NUMBER][0]) == "line 6: FeO = abc"
    assert report.examples[WRONG_WIDTH][0].line == 99
    assert len(report.examples[MISSING]) == 4


def test_report_reads_well_and_survives_json() -> None:
    report = cleaned(
        [("NaCl", "-2"), ("Na2Cl2", "-1"), ("Fe" * 10**6, "1"), ("Xx\n", "1"), ("CaO", "x" * 10**6)]
    ).report
    lines = report.summary()
    assert all(line.isprintable() and len(line) < 400 for line in lines)
    assert "5 rows in, 1 kept: 1 merged, 3 rejected" in lines[2]
    assert any("lowest formation energy" in line for line in lines)
    again = CleaningReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again == report


def test_one_row_per_reduced_composition() -> None:
    result = cleaned([("Fe0.5O0.5", "-1"), ("FeO", "-1.5"), ("Fe2O2", "-1.2"), ("(FeO)3", "0"), ("FeO2", "-1")])
    assert kept(result) == {"FeO": -1.5, "FeO2": -1.0}
    assert result.report.merged == 3
    assert len(np.unique(result.hashes)) == 2


def test_an_outlier_does_not_become_the_most_stable_structure() -> None:
    rows: list[tuple[object, object]] = [("FeO", "-0.01"), *((f"Fe{n}O", f"{-n / 100}") for n in range(2, 101))]
    result = cleaned([*rows, ("FeO", "-198.7"), ("Fe2O", "43.5")])
    assert kept(result)["FeO"] == pytest.approx(-0.01)
    assert result.report.rejected == {OUTLIER: 2}
    assert [example.value for example in result.report.examples[OUTLIER]] == ["-198.7", "43.5"]
    assert kept(cleaned([*rows, ("FeO", "-198.7")], outliers=0))["FeO"] == pytest.approx(-198.7)


def test_rows_without_a_composition_do_not_widen_what_is_believed() -> None:
    rows: list[tuple[object, object]] = [(f"Fe{n}O", f"{n / 100}") for n in range(1, 61)]
    unreadable: list[tuple[object, object]] = [(f"Xx{n}", f"{100 * n}") for n in range(1, 40)]
    result = cleaned([*rows, ("FeO2", "50"), *unreadable], target="gap", target_is_energy=False)
    assert result.report.rejected.get(OUTLIER) == 1


def test_an_outlier_below_the_floor_is_told_by_the_floor() -> None:
    rows: list[tuple[object, object]] = [(f"Fe{n}O", f"{n}") for n in range(1, 61)]
    moduli = table([*rows, ("FeO2", "-5000")], target="modulus", target_is_energy=False)
    assert clean(moduli, "a test", "GPa", 5.0, None, 0.0).report.rejected == {BELOW_FLOOR: 1}


def test_the_stable_structures_value_where_the_table_has_energies() -> None:
    result = cleaned(
        [("FeO", "1"), ("Fe2O2", "2"), ("NaCl", "5"), ("NaCl", "7")],
        target="gap", target_is_energy=False, energies=["-1", "-2", "na", ""], energy_column="e_form",
    )  # fmt: skip
    assert kept(result) == {"Fe2O2": 2.0, "NaCl": 6.0}
    assert "column e_form" in result.report.merge_rule


def test_the_median_elsewhere() -> None:
    result = cleaned([("FeO", "1"), ("Fe2O2", "2"), ("FeO", "9")], target="gap", target_is_energy=False)
    assert kept(result) == {"FeO": 2.0}
    assert "median" in result.report.merge_rule


def test_nothing_left_is_no_crash() -> None:
    result = cleaned([("Xx", "1")])
    assert result.report.rows_kept == 0
    assert len(result.y) == 0

"""The fingerprint tells splits apart whose rows or whose parts are not the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.data import DataRequest, load
from search.data.families import FAMILIES

from .conftest import PARTS, WriteCsv, own_tables


@pytest.mark.parametrize("changes", [{"target": "b"}, {"floor": 15.0}, {"formula_column": "what"}])
def test_what_decides_the_rows_is_in_the_caches_key(write_csv: WriteCsv, changes: dict[str, Any]) -> None:
    path = write_csv("formula,what,a,b", *(f"Fe{n}O,Ni{n}O,{n},{-n}" for n in range(1, 31)))
    request = DataRequest("csv", path=str(path), target="a")
    assert load(request).fingerprint != load(replace(request, **changes)).fingerprint


def test_another_seed_is_another_split(write_csv: WriteCsv) -> None:
    request = DataRequest("csv", path=str(write_csv("formula,e", *(f"Fe{n}O,{n}" for n in range(1, 31)))), target="e")
    assert len({load(replace(request, split_seed=seed)).fingerprint for seed in (1, 2)}) == 2


@pytest.mark.parametrize("part", ["val", "test"])
def test_other_values_of_a_table_that_is_given_are_other_data(tmp_path: Path, part: str) -> None:
    first = load(own_tables(tmp_path)).fingerprint
    changed = {**PARTS, part: {formula: value + 1 for formula, value in PARTS[part].items()}}
    assert load(own_tables(tmp_path, changed)).fingerprint != first


def test_another_family_held_out_and_other_compositions_of_the_same_values_are_other_data(write_csv: WriteCsv) -> None:
    rows = [f"{metal}O,1" for metal in ("Mg", "Ca", "Sr", "Ba")] + [f"Ca{metal}O3,1" for metal in ("Ti", "Zr", "Hf")]
    rows += [f"Li{n}O,1" for n in range(2, 20)]
    request = DataRequest("csv", path=str(write_csv("formula,e", *rows)), target="e")
    assert len({load(replace(request, hold_out=family)).fingerprint for family in FAMILIES}) == len(FAMILIES)
    sulphides = write_csv("formula,e", *(row.replace("O", "S") for row in rows), name="sulphides.csv")
    assert load(replace(request, path=str(sulphides))).fingerprint != load(request).fingerprint

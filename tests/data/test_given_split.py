"""Splits that are given part by part: a public benchmark's, and a user's own tables."""

from pathlib import Path

import numpy as np
import pytest

from search.data import DataRequest, load
from search.errors import UserError

PARTS = {
    "train": {f"Fe{n}O": n / 10 for n in range(1, 31)} | {"NaCl": 1.0, "KCl": 2.0},
    "val": {"NaCl": 1.1, "LiCl": 3.0, "LiF": 4.0},
    "test": {"K2Cl2": 2.1, "LiF": 4.1, "CsI": 900.0},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a benchmark in three files, some of whose compositions are in two of them."""
    benchmark = tmp_path / "crabnet" / "CritExam__Ef"
    benchmark.mkdir(parents=True)
    for name, rows in PARTS.items():
        lines = [f"{formula},{value}" for formula, value in rows.items()]
        (benchmark / f"{name}.csv").write_text("\n".join(["formula,target", *lines]) + "\n")
    return tmp_path


def test_a_benchmark_keeps_its_split_and_its_whole_test_set(folder: Path) -> None:
    split = load(DataRequest("crabnet", "CritExam__Ef", data_dir=str(folder)))
    assert set(split.train.formulas) == {f"Fe{n}O" for n in range(1, 31)}
    assert set(split.validation.formulas) == {"NaCl", "LiCl"}  # LiF is the test set's
    assert set(split.test.formulas) == {"K2Cl2", "LiF", "CsI"}  # an outlier there is part of the benchmark
    assert (split.unit, split.report.held_out.startswith("split as given: 30 to train on")) == ("eV/atom", True)
    fewer = load(DataRequest("crabnet", "CritExam__Ef", data_dir=str(folder), rows=10))
    assert (len(fewer.train), len(fewer.validation), len(fewer.test)) == (10, 2, 3)
    assert fewer.fingerprint != split.fingerprint
    again = load(DataRequest("crabnet", "CritExam__Ef", data_dir=str(folder)))
    assert (again.fingerprint, np.array_equal(again.train.x, split.train.x)) == (split.fingerprint, True)


def test_own_tables_for_all_three_parts(folder: Path) -> None:
    tables = {name: str(folder / "crabnet" / "CritExam__Ef" / f"{name}.csv") for name in PARTS}
    request = DataRequest(
        "csv", path=tables["train"], target="target", validation_table=tables["val"], test_table=tables["test"]
    )
    split = load(request)
    assert (len(split.train), len(split.validation), len(split.test)) == (30, 2, 3)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (DataRequest("crabnet", "CritExam__Ef", hold_out="binaries"), "split of its own: leave out hold_out="),
        (DataRequest("mp", validation_table="val.csv"), "validation_table= goes with test_table="),
        (DataRequest("crabnet"), "Valid are CritExam__Ef|valid are CritExam__Ef"),
    ],
)
def test_what_makes_no_sense_with_a_given_split_is_refused(request_: DataRequest, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(request_)


def test_tables_that_leave_nothing_to_train_on_are_refused(tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        (tmp_path / f"{name}.csv").write_text("formula,e\nNaCl,1\nKCl,2\nLiCl,3\n")
    request = DataRequest(
        "csv",
        path=str(tmp_path / "train.csv"),
        target="e",
        validation_table=str(tmp_path / "val.csv"),
        test_table=str(tmp_path / "test.csv"),
    )
    with pytest.raises(UserError, match="leaves 0 compositions to train on and 0 to validate on"):
        load(request)

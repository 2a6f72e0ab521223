"""Splits that are given part by part: a public benchmark's, and a user's own tables."""

from pathlib import Path

import numpy as np
import pytest

from search.data import DataRequest, load
from search.errors import UserError

from .conftest import PARTS, own_tables, write_parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a benchmark in three files, some of whose compositions are in two of them."""
    benchmark = tmp_path / "crabnet" / "CritExam__Ef"
    benchmark.mkdir(parents=True)
    write_parts(benchmark)
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


def test_own_tables_are_the_parts_that_they_are_named_for(tmp_path: Path) -> None:
    split = load(own_tables(tmp_path))
    assert set(split.train.formulas) == {f"Fe{n}O" for n in range(1, 31)}
    assert set(split.validation.formulas) == {"NaCl", "LiCl"}
    assert set(split.test.formulas) == {"K2Cl2", "LiF", "CsI"}


def test_another_seed_draws_other_rows_of_the_training_table(tmp_path: Path) -> None:
    one, other = (load(own_tables(tmp_path, split_seed=seed, rows=10)) for seed in (1, 2))
    assert set(one.train.formulas) != set(other.train.formulas)


def test_a_test_table_of_any_size_keeps_its_far_values(tmp_path: Path) -> None:
    """The rule of outliers begins at 40 distinct values: a small table would not show it."""
    rows = {f"Ni{n}O": n / 10 for n in range(1, 61)} | {"CsI": 900.0}
    split = load(own_tables(tmp_path, {**PARTS, "test": rows}))
    assert split.test.y.max() == 900


def test_a_test_table_that_lacks_a_class_has_the_numbers_of_the_others(tmp_path: Path) -> None:
    kinds = ("a", "b", "c")
    (tmp_path / "train.csv").write_text("formula,k\n" + "".join(f"Fe{n}O,{kinds[n % 3]}\n" for n in range(1, 31)))
    (tmp_path / "test.csv").write_text("formula,k\nNaCl,b\nKCl,c\nLiCl,c\n")
    split = load(DataRequest("csv", path=str(tmp_path / "train.csv"), target="k", task="classification",
                             test_table=str(tmp_path / "test.csv")))  # fmt: skip
    assert dict(zip(split.test.formulas, split.test.y, strict=True)) == {"NaCl": 1.0, "KCl": 2.0, "LiCl": 2.0}


def test_a_family_stays_out_of_the_training_beside_a_test_table(tmp_path: Path) -> None:
    split = load(own_tables(tmp_path, validation_table=None, hold_out="binaries"))
    learnt_from = {*split.train.formulas, *split.validation.formulas}
    assert learnt_from == {f"Fe{n}O" for n in range(2, 31)}, "neither the salts nor FeO"
    assert set(split.test.formulas) == {"K2Cl2", "LiF", "CsI"}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (DataRequest("crabnet", "CritExam__Ef", hold_out="binaries"), "split of its own: leave out hold_out="),
        (DataRequest("crabnet", "CritExam__Ef", test_table="test.csv", validation_table="val.csv"),
         "split of its own: leave out test_table and validation_table="),
        (DataRequest("mp", validation_table="val.csv"), "validation_table= goes with test_table="),
        (DataRequest("csv", path="a", target="b", hold_out="binaries", test_table="t", validation_table="v"),
         "without hold_out="),
        (DataRequest("crabnet"), "Valid are CritExam__Ef|valid are CritExam__Ef"),
    ],
)  # fmt: skip
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

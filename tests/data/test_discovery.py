"""Held-out families and test tables: nothing of them is trained on."""

from pathlib import Path

import numpy as np
import pytest

from search.data import DataRequest, Split, featurise, load
from search.data.families import FAMILIES
from search.data.hashing import composition_hashes
from search.errors import UserError


def hashes(split: Split, *parts: str) -> set[int]:
    formulas = [str(formula) for part in parts for formula in getattr(split, part).formulas]
    return set(composition_hashes(featurise(formulas)).tolist())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_held_out_family_is_the_test_set(family: str) -> None:
    everything, split = load(DataRequest("mp")), load(DataRequest("mp", hold_out=family))
    read = [str(f) for part in ("train", "validation", "test") for f in getattr(everything, part).formulas]
    members = FAMILIES[family](featurise(read))
    assert len(split.test) == members.sum() > 100
    assert FAMILIES[family](featurise([str(f) for f in split.test.formulas])).all()
    assert len(split.train) + len(split.validation) == (~members).sum()
    assert abs(len(split.validation) / len(split.train) - 1 / 9) < 1e-3
    assert not hashes(split, "train", "validation") & hashes(split, "test")
    assert split.fingerprint != everything.fingerprint
    assert "in no training row" in split.report.held_out


def test_a_test_table_takes_its_compositions_out_of_the_training(tmp_path: Path) -> None:
    everything = load(DataRequest("mp", rows=500))
    taken = everything.train.formulas[:40]
    rows = [f"{formula},{value}" for formula, value in zip(taken, everything.train.y[:40], strict=True)]
    (tmp_path / "new.csv").write_text("\n".join(["formula,formation_energy", *rows, "Pu7Cs5,1.0"]) + "\n")
    split = load(DataRequest("mp", test_table=str(tmp_path / "new.csv"), rows=2000))
    assert set(split.test.formulas) == {*taken, "Pu7Cs5"}
    assert len(split.train) + len(split.validation) == 2000
    assert not hashes(split, "train", "validation") & hashes(split, "test")
    again = load(DataRequest("mp", test_table=str(tmp_path / "new.csv"), rows=2000))
    assert (again.fingerprint, np.array_equal(again.train.x, split.train.x)) == (split.fingerprint, True)


def test_a_test_table_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("formula,e\nNaCl,1\nKCl,2\nLiCl,3\nRbCl,4\n")
    (tmp_path / "test.csv").write_text("formula,e\nNaCl,1\nKCl,2\nCsCl,3\n")
    request = DataRequest("csv", path=str(tmp_path / "train.csv"), target="e", test_table=str(tmp_path / "test.csv"))
    with pytest.raises(UserError, match="leaves 2 compositions to train on and 3 to test on"):
        load(request)


def test_a_test_table_is_read_by_the_column_that_was_named_and_tells_what_it_lost(tmp_path: Path) -> None:
    """Nothing leaves it for its value: a test set without its far ones would flatter."""
    salts = [f"{metal}{halogen}" for metal in ("Li", "Na", "K", "Rb", "Cs", "Ag") for halogen in ("F", "Cl", "Br", "I")]
    train = [f"{salt},x,{place / 10}" for place, salt in enumerate(salts)]
    (tmp_path / "train.csv").write_text("\n".join(["what,formula,gap", *train]) + "\n")
    (tmp_path / "test.csv").write_text(
        "what,formula,gap\nNaCl,LiF,1\nMgO,LiF,500\nCaO,LiF,-300\nQq,LiF,1\nBaO,LiF,n.d.\nBaO,LiF,2\nSrO,LiF,1\nSrO,LiF,3\n"
    )
    asked = DataRequest("csv", path=str(tmp_path / "train.csv"), target="gap", formula_column="what",
                        test_table=str(tmp_path / "test.csv"))  # fmt: skip
    split = load(asked)
    assert set(split.test.formulas) == {"NaCl", "MgO", "CaO", "BaO", "SrO"}
    assert split.test.y.max() == 500
    assert len(split.train) + len(split.validation) == len(salts) - 1
    assert "8 rows in, 1 merged, 2 rejected (1 unreadable formula, 1 value is no number)" in split.report.held_out
    assert "1 left out" in "\n".join(split.report.summary())
    assert "rows=" not in "\n".join(split.report.summary())

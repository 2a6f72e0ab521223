"""The compounds that a model was made from, as they are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.checkpoint import CheckpointError
from search.data import Split, featurise
from search.inference.known import Known


def test_those_of_all_three_parts_are_known(mp_split: Split) -> None:
    known, parts = Known.of(mp_split), (mp_split.train, mp_split.validation, mp_split.test)
    assert len(known.formulas) == len(known.values) == sum(map(len, parts))
    for part in parts:
        assert known.holds(featurise(list(map(str, part.formulas)))).all()


def test_a_file_with_fewer_formulas_than_values_is_damaged(tmp_path: Path) -> None:
    Known(("NaCl", "KCl"), np.zeros(3, dtype=np.float32)).save(tmp_path / "known.npz")
    with pytest.raises(CheckpointError, match="2 formulas and 3 values"):
        Known.load(tmp_path / "known.npz")


@pytest.mark.parametrize("arrays", [{}, {"values": torch.tensor(1.0)}])
def test_a_file_of_something_else_is_damaged(arrays: dict[str, torch.Tensor], tmp_path: Path) -> None:
    formulas = {"formulas": torch.zeros(2, dtype=torch.uint8)} if arrays else {}
    checkpoint.write(tmp_path / "known.npz", {**formulas, **arrays}, {})
    with pytest.raises(CheckpointError, match=r"known\.npz holds no known compounds"):
        Known.load(tmp_path / "known.npz")

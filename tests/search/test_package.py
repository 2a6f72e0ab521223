"""The folder of a registered model, damaged: said in one sentence, and never an answer that is wrong or no number."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch

from models import checkpoint
from models.architecture import Architecture, Group
from models.checkpoint import CheckpointError
from models.ensemble import Ensemble
from models.network import build
from search.data import DataRequest, load
from search.inference.members import ABOUT_FILE
from search.inference.package import load_package
from search.inference.predictor import Predictor

WEIGHTS = [0.75, 0.25]
Tensors: TypeAlias = dict[str, torch.Tensor]
INF, NAN = float("inf"), float("nan")


@pytest.fixture
def folder(predictor: Predictor, tmp_path: Path) -> Path:
    predictor.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    architecture = Architecture(groups=(Group(8, 1),))
    networks = [build(architecture, seed) for seed in (0, 1)]
    return Predictor.of(Ensemble(networks, WEIGHTS), load(DataRequest("mp", rows=300)), {"target": "energy"})


def refused(folder: Path, why: str) -> None:
    with pytest.raises(CheckpointError, match=why) as error:
        load_package(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def rewrite(file: Path, change: Callable[[Tensors], Tensors], facts: dict[str, object] | None = None) -> None:
    """Put other arrays and facts in the place of some of a file's."""
    tensors, about = checkpoint.read(file)
    checkpoint.write(file, tensors | change(tensors), about | (facts or {}))


def test_what_is_whole_answers_as_it_did(folder: Path, predictor: Predictor) -> None:
    """Its members with their weights, which are not alike."""
    found, expected = (model.predict(["NaCl", "Xx"]).columns() for model in (load_package(folder), predictor))
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 0}, "another version"),
        ({"format": 2}, "another version"),
        ({"weights": [0.75]}, "do not sum to 1"),
        ({"weights": [2, 2]}, "do not sum to 1"),
        ({"weights": [1e308, 1e308]}, "do not sum to 1"),
        ({"weights": [NAN, 1]}, "do not sum to 1"),
        ({"weights": [2, -1]}, r"must be above 0, unlike \[2\.0, -1\.0\]"),
        ({"weights": [0.5, 0.25, 0.25]}, "there is no checkpoint"),
        ({"weights": ["1", "0"]}, "cannot be read as a model"),
        ({"weights": None}, "cannot be read as a model"),
        ({"about": None}, "does not say what it predicts"),
        ({"about": ["target"]}, "does not say what it predicts"),
    ],
)
def test_what_its_json_says_has_to_fit(folder: Path, change: dict[str, object], why: str) -> None:
    file = folder / ABOUT_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    refused(folder, why)


@pytest.mark.parametrize("text", ["", "null", "[]", "3", '"x"', "{}", '{"format": 1}', '{"format": 1,', "[" * 100_000])
def test_json_of_something_else_is_no_model(folder: Path, text: str) -> None:
    (folder / ABOUT_FILE).write_text(text)
    refused(folder, "cannot be read as a model of branchsearch")


def test_a_folder_without_its_json_is_no_model(folder: Path) -> None:
    (folder / ABOUT_FILE).unlink()
    refused(folder, "cannot be read as a model of branchsearch")
    (folder / ABOUT_FILE).write_bytes(b"\xff\xfe")
    refused(folder, "cannot be read as a model of branchsearch")


def spoiled(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[0] = value
        return tensor

    return change


def shorter(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:-1]


def longer(tensor: torch.Tensor) -> torch.Tensor:
    return torch.cat([tensor, tensor[:1]])


def scalar(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.sum()


@pytest.mark.parametrize(
    ("name", "array", "change", "why"),
    [
        ("network-1", "output.weight", spoiled(NAN), "weights that are not finite"),
        ("network-0", "output.bias", spoiled(INF), "weights that are not finite"),
        ("network-0", "output.weight", longer, "size mismatch for output.weight"),
        ("calibration", "weights", spoiled(NAN), "not finite"),
        ("calibration", "weights", shorter, "do not fit together"),
        ("calibration", "weights", scalar, "do not fit together"),
        ("calibration", "errors", spoiled(INF), "not finite"),
        ("calibration", "errors", longer, "do not fit together"),
        ("calibration", "counts", scalar, "is no calibration"),
        ("domain", "element_rows", shorter, "do not fit together"),
        ("domain", "element_rows", scalar, "do not fit together"),
        ("domain", "fractions", spoiled(NAN), "fractions that are not finite"),
        ("domain", "counts", scalar, "is no range of compositions"),
    ],
)
def test_arrays_of_another_shape_or_that_are_no_numbers_are_not_answered_by(
    folder: Path, name: str, array: str, change: Callable[[torch.Tensor], torch.Tensor], why: str
) -> None:
    rewrite(folder / f"{name}.npz", lambda tensors: {array: change(tensors[array])})
    refused(folder, why)


@pytest.mark.parametrize(
    ("name", "fact", "value"),
    [
        ("calibration", "quantile", NAN),
        ("calibration", "least", INF),
        ("calibration", "least", None),
        ("domain", "far", NAN),
        ("domain", "far", []),
        ("domain", "elements", ["H", "He"]),
    ],
)
def test_numbers_beside_the_arrays_have_to_be_numbers(folder: Path, name: str, fact: str, value: object) -> None:
    rewrite(folder / f"{name}.npz", lambda _: {}, {fact: value})
    refused(folder, rf"{name}\.npz is no ")


@pytest.mark.parametrize("name", ["calibration", "domain"])
def test_files_without_compositions_are_refused(folder: Path, name: str) -> None:
    """The nearest of none would be no number."""
    of_rows = {"errors", "counts", "columns", "fractions"}
    rewrite(folder / f"{name}.npz", lambda tensors: {key: tensors[key][:0] for key in tensors.keys() & of_rows})
    refused(folder, "do not fit together")

"""Registered traditional models: each family is kept without pickle, and a file that was changed is not read."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from models.candidate import Candidate
from models.checkpoint import CheckpointError
from models.estimator import Estimator, Preprocessing
from models.published import BRNET
from models.recipe import FAST
from search.data import DataRequest, load
from search.errors import UserError
from search.estimators import FAMILIES
from search.fitting import refit
from search.inference.fitted import Fitted, digest_of
from search.inference.package import load_package
from search.inference.predictor import Predictor
from search.targets import training_data, with_head
from spaces.traditional import GRID

FLOOR = -3.0
WEIGHTS = (0.75, 0.25)


def fitted(family: str, preprocessing: Preprocessing = "standard") -> Fitted:
    split = load(DataRequest("mp", rows=150))
    settings = {name: values[0] for name, values in GRID[family].items()}
    estimator = Estimator.of(family, settings, preprocessing)
    candidate = Candidate(with_head(BRNET, split), FAST, estimator=estimator)
    models = [refit(candidate, training_data(split), seed, threads=1) for seed in (0, 1)]
    return Fitted([model.estimator for model in models], FLOOR, WEIGHTS)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_the_same_after_it_was_kept(family: str, tmp_path: Path) -> None:
    model = fitted(family)
    facts = model.save(tmp_path)
    x = torch.from_numpy(load(DataRequest("mp", rows=150)).test.x)
    mean, spread = model.predict(x)
    again, spread_again = Fitted.load(tmp_path, facts, WEIGHTS).predict(x)
    assert torch.equal(mean, again)
    assert torch.equal(spread, spread_again)
    assert mean.dtype == spread.dtype == torch.float32, "as an ensemble of networks has them"
    each = np.maximum([one.predict(x.numpy()) for one in model.models], FLOOR)
    np.testing.assert_allclose(mean[:, 0], 0.75 * each[0] + 0.25 * each[1], rtol=1e-5, atol=1e-6)
    # two values with weights 3/4 and 1/4: the deviation is the distance times the root of their product
    np.testing.assert_allclose(spread[:, 0], np.abs(each[0] - each[1]) * (3 / 16) ** 0.5, rtol=1e-4, atol=1e-6)


def test_no_answer_is_below_the_floor_once_it_was_kept(tmp_path: Path) -> None:
    x = torch.from_numpy(load(DataRequest("mp", rows=150)).test.x)
    free = fitted("ridge")
    floor = float(free.predict(x)[0].median())
    read = Fitted.load(tmp_path, Fitted(free.models, floor, WEIGHTS).save(tmp_path), WEIGHTS)
    assert float(free.predict(x)[0].min()) < floor
    assert float(read.predict(x)[0].min()) == pytest.approx(floor)


def test_a_floor_of_zero_is_one_and_what_is_no_number_is_none(tmp_path: Path) -> None:
    x = torch.from_numpy(load(DataRequest("mp", rows=150)).test.x)
    free = fitted("ridge")
    assert float(free.predict(x)[0].min()) < 0
    assert float(Fitted(free.models, 0.0, WEIGHTS).predict(x)[0].min()) == 0
    facts = free.save(tmp_path)
    with pytest.raises(ValueError, match="no answer can be as low as nan"):
        Fitted.load(tmp_path, {**facts, "floor": float("nan")}, WEIGHTS)
    with pytest.raises(TypeError):
        Fitted.load(tmp_path, {**facts, "floor": "0"}, WEIGHTS)


def test_a_registered_model_is_read_back_with_its_weights_and_floor(tmp_path: Path) -> None:
    split = load(DataRequest("mp", rows=150))
    free = fitted("ridge")
    floor = float(free.predict(torch.from_numpy(split.test.x))[0].median())
    predictor = Predictor.of(Fitted(free.models, floor, WEIGHTS), split, {})
    predictor.save(tmp_path / "model")
    read = load_package(tmp_path / "model")
    assert isinstance(read, Predictor)
    found, expected = (model.predict_fractions(split.test.x) for model in (read, predictor))
    np.testing.assert_array_equal(found.value, expected.value)
    np.testing.assert_array_equal(found.lower, expected.lower)
    assert found.value.min() == found.lower.min() == pytest.approx(floor)
    assert read.ensemble.weights == WEIGHTS
    with pytest.raises(UserError, match="precision=bfloat16 is of networks' products"):
        load_package(tmp_path / "model", bfloat16=True)


class Threads:
    """Answers how many threads it is asked on."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.full(len(x), max(library["num_threads"] for library in threadpool_info()))


def test_answers_do_not_depend_on_how_many_threads_there_are() -> None:
    x = torch.zeros(2, 86)
    with threadpool_limits(2):
        assert Threads().predict(x.numpy()).tolist() == [2, 2]
        assert Fitted([Threads()], None, [1.0]).predict(x)[0].tolist() == [[1.0], [1.0]]


def test_weights_are_shares_of_as_many_models() -> None:
    assert Fitted([Threads(), Threads()], None, [3.0, 1.0]).weights == WEIGHTS
    with pytest.raises(ValueError, match="1 models and 2 weights"):
        Fitted([Threads()], None, WEIGHTS)


def test_a_file_that_swells_in_memory_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "estimator-0.skops"
    skops.io.dump({"zeros": np.zeros(1_000_000)}, file, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="its parts are larger than itself"):
        Fitted.load(tmp_path, {"digests": [digest_of(file)], "floor": None}, (1.0,))


class Touch:
    """What a stranger could have written into a file: it makes another when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("run"),)


def test_changed_files_and_strange_types_are_not_read(in_tmp: Path) -> None:
    model = fitted("ridge")
    facts = model.save(in_tmp)
    file = in_tmp / "estimator-1.skops"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="not the file that was written"):
        Fitted.load(in_tmp, facts, WEIGHTS)
    skops.io.dump({"a": Touch()}, file)
    with pytest.raises(CheckpointError, match="cannot be read as a fitted model"):
        Fitted.load(in_tmp, {**facts, "digests": [facts["digests"][0], digest_of(file)]}, WEIGHTS)
    assert not Path("run").exists()

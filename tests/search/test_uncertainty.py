"""90 % intervals hold on compositions not trained on, adapt, and are not wide for nothing."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shelf import ARCHITECTURES, train

from models.architecture import Architecture, Group
from models.checkpoint import CheckpointError
from models.ensemble import Ensemble
from search.data import DataRequest, Part, Split, load
from search.inference import uncertainty
from search.inference.predictor import Predictor
from search.inference.quality import Quality
from search.inference.uncertainty import FEWEST_ROWS, Calibration, Neighbours, calibrate

NARROW = Architecture(groups=(Group(96, 3), Group(32, 1)), skip="layer")


@pytest.fixture(scope="module")
def held_out(mp_split: Split) -> Split:
    """The small training set, with thousands of other compositions to calibrate on and to test."""
    whole = load(DataRequest("mp"))
    known = {str(formula) for part in (mp_split.train, mp_split.validation) for formula in part.formulas}
    new = np.array([row for row, formula in enumerate(whole.train.formulas) if formula not in known])
    return replace(mp_split, validation=some(whole.train, new[:2000]), test=some(whole.train, new[2000:6000]))


def some(part: Part, rows: np.ndarray) -> Part:
    return Part(part.x[rows], part.y[rows], part.formulas[rows])


@pytest.mark.parametrize("seeds", [1, 3])
def test_intervals_cover_90_percent_and_adapt(held_out: Split, mp_split: Split, seeds: int) -> None:
    networks = [train(ARCHITECTURES[0], seed, mp_split).best_network() for seed in range(seeds)]
    predictor, test = Predictor.of(Ensemble(networks), held_out, {}), held_out.test
    answers, quality = predictor.predict_fractions(test.x), Quality.on(predictor, test)
    assert quality.coverage == pytest.approx(0.9, abs=0.02)
    blind = np.quantile(test.y, 0.95) - np.quantile(test.y, 0.05)
    assert quality.width < 0.75 * blind
    errors, expected = np.abs(answers.value - test.y), answers.uncertainty
    thirds = np.array_split(np.argsort(expected), 3)
    for third in thirds:
        assert np.mean(errors[third] <= answers.upper[third] - answers.value[third]) == pytest.approx(0.9, abs=0.05)
    assert errors[thirds[2]].mean() > 1.3 * errors[thirds[0]].mean()
    assert expected.mean() == pytest.approx(errors.mean(), rel=0.15)
    assert quality.mae == pytest.approx(errors.mean())


@pytest.mark.skipif("BRANCHSEARCH_DATA" not in os.environ, reason="needs BRANCHSEARCH_DATA, the folder of JARVIS")
def test_coverage_on_jarvis() -> None:
    split = load(DataRequest("jarvis"))
    networks = [train(NARROW, seed, split, epochs=2).best_network() for seed in range(2)]
    quality = Quality.on(Predictor.of(Ensemble(networks), split, {}), split.test)
    assert quality.coverage == pytest.approx(0.9, abs=0.03)  # one standard error of the two sets together is 0.0084
    assert quality.width < 0.75 * (np.quantile(split.test.y, 0.95) - np.quantile(split.test.y, 0.05))


def test_conformal_quantile_is_the_published_one() -> None:
    rng = np.random.default_rng(1)
    errors, zeros = rng.exponential(size=99), np.zeros(99)
    x = rng.dirichlet(np.ones(86), 99).astype(np.float32)
    calibration = calibrate(x, errors, zeros, zeros)
    similar = calibration.neighbours.error(x, leave_out=True)
    expected = np.maximum(
        np.column_stack([np.ones(99), zeros, zeros, similar]) @ calibration.weights, calibration.least
    )
    # ceil(0.9 x 100) = 90 of 99 scores lie within, the 90th on the border
    assert np.sum(errors / expected <= calibration.quantile * (1 + 1e-9)) == 90


def test_weights_find_what_errors_grow_with() -> None:
    rng = np.random.default_rng(2)
    spread, distance = rng.uniform(0.1, 1, 4000), rng.uniform(0.1, 1, 4000)
    errors = (2 * spread + 0.5 * distance) * rng.exponential(size=4000)
    x = rng.dirichlet(np.ones(86), 4000).astype(np.float32)
    weights = calibrate(x, errors, spread, distance).weights
    assert weights[1] == pytest.approx(2, abs=0.25)
    assert weights[2] == pytest.approx(0.5, abs=0.25)
    assert (weights >= 0).all()


def test_neighbours_are_the_nearest_and_never_oneself() -> None:
    rng = np.random.default_rng(3)
    x = rng.dirichlet(np.full(86, 0.05), 600).astype(np.float32)
    errors = rng.exponential(size=600).astype(np.float32)
    for leave_out in (False, True):
        distances = np.sqrt(((x[:, None].astype(np.float64) - x[None]) ** 2).sum(axis=2))
        if leave_out:
            np.fill_diagonal(distances, np.inf)
        nearest = np.argsort(distances, axis=1)[:, :10]
        weights = 1 / (np.take_along_axis(distances, nearest, axis=1) + 0.1)
        expected = (weights * errors[nearest]).sum(axis=1) / weights.sum(axis=1)
        np.testing.assert_allclose(Neighbours(x, errors).error(x, leave_out), expected, rtol=0.02)


def test_expected_error_never_vanishes() -> None:
    x = np.eye(86, dtype=np.float32)[:20]
    zeros = np.zeros(20)
    calibration = calibrate(x, np.full(20, 0.5), zeros, zeros)
    quiet = Calibration(np.zeros(4), calibration.least, 1.0, calibration.neighbours)
    assert quiet.expected_error(x, zeros, zeros) == pytest.approx(np.full(20, 0.05))
    assert np.isfinite(calibrate(x, zeros, zeros, zeros).expected_error(x, zeros, zeros)).all()


def test_too_few_rows_are_said() -> None:
    x = np.eye(86, dtype=np.float32)
    enough, zeros = np.ones(FEWEST_ROWS), np.zeros(FEWEST_ROWS)
    assert np.isfinite(calibrate(x[:FEWEST_ROWS], enough, zeros, zeros).quantile)
    with pytest.raises(ValueError, match="8 validation rows cannot calibrate an interval: it takes 9"):
        calibrate(x[:8], enough[:8], zeros[:8], zeros[:8])


def test_of_many_validation_rows_the_first_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncertainty, "REFERENCE_ROWS", 20)
    rng = np.random.default_rng(5)
    x, zeros = rng.dirichlet(np.ones(86), 50).astype(np.float32), np.zeros(50)
    kept = calibrate(x, rng.exponential(size=50), zeros, zeros).neighbours
    np.testing.assert_array_equal(kept.x, x[:20])
    assert len(kept.errors) == 20


def test_saved_and_loaded(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    x = rng.dirichlet(np.full(86, 0.05), 50).astype(np.float32)
    calibration = calibrate(x, rng.exponential(size=50), rng.random(50), rng.random(50))
    calibration.save(tmp_path / "c.npz")
    loaded, ones = Calibration.load(tmp_path / "c.npz"), np.ones(50)
    np.testing.assert_array_equal(loaded.expected_error(x, ones, ones), calibration.expected_error(x, ones, ones))
    assert loaded.quantile == calibration.quantile
    (tmp_path / "c.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError):
        Calibration.load(tmp_path / "c.npz")

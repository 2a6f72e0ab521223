"""`fast` beside `paper`: what its time ended goes on where it was, and comes to what one without a break comes to."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import time_to_accuracy
from benchmarks.time_to_accuracy import Curve, SideBySide, draw, means, rows_of
from models.published import BRNET
from models.recipe import FAST, PAPER
from search.data import DataRequest, Split, load

EPOCHS = {"paper": 3, "fast": 2}


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch) -> Split:
    narrow = replace(BRNET, groups=tuple(replace(group, width=8) for group in BRNET.groups))
    monkeypatch.setattr(time_to_accuracy, "BRNET", narrow)
    recipes = {"paper": replace(PAPER, epochs=EPOCHS["paper"]), "fast": replace(FAST, epochs=EPOCHS["fast"])}
    monkeypatch.setattr(time_to_accuracy, "RECIPES", recipes)
    return load(DataRequest("mp", rows=500))


def errors(curves: list[Curve]) -> dict[str, tuple[list[float], float]]:
    return {curve.recipe: (curve.validation_mae, curve.test_mae) for curve in curves}


def test_a_run_that_is_ended_after_every_epoch_comes_to_the_same(split: Split, tmp_path: Path) -> None:
    whole = SideBySide(split, 0, None).train(float("inf"))
    assert {curve.recipe: len(curve.seconds) for curve in whole} == EPOCHS
    kept: list[list[Curve]] = []
    while not kept or any(curve.stop_reason == time_to_accuracy.OUT_OF_TIME for curve in kept[-1]):
        done = max((curve.seconds[-1] for curve in kept[-1]), default=0.0) if kept else 0.0
        kept.append(SideBySide(split, 0, tmp_path).train((done + 1e-6) / 60))
    assert len(kept) > 1
    assert errors(kept[-1]) == errors(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.json", "fast-2.npz", "paper-3.npz"]


def test_the_test_set_is_met_at_the_end_alone(split: Split, tmp_path: Path) -> None:
    begun = SideBySide(split, 0, tmp_path).train(1e-9)
    assert not any("test MAE" in row.case for row in rows_of(begun))
    assert any("test MAE" in row.case for row in rows_of(SideBySide(split, 0, tmp_path).train(60)))


def test_where_fast_falls_short_it_is_said_and_timed_to_its_own_best() -> None:
    paper = Curve("paper", 0, [10.0, 20.0, 30.0], [0.3, 0.2, 0.1], 0.1)
    fast = Curve("fast", 0, [1.0, 2.0], [0.3, 0.2], 0.2)
    (row,) = (row for row in rows_of([paper, fast]) if row.unit == "s")
    assert "fast's best of 0.2000, short of paper's best of 0.1000" in row.case
    assert (row.ours, row.baseline) == (2.0, 20.0)
    (row,) = (row for row in rows_of([replace(paper, recipe="fast"), replace(fast, recipe="paper")]) if row.unit == "s")
    assert "time to paper's best of 0.2000" in row.case


def test_several_seeds_have_their_means_in_rows_and_picture(tmp_path: Path) -> None:
    curves = [
        Curve(recipe, seed, [1.0], [mae], mae, test_mae)
        for seed, maes in enumerate([(0.3, 0.4, 0.2, 0.3), (0.1, 0.2, 0.1, 0.2)])
        for recipe, mae, test_mae in (("paper", *maes[:2]), ("fast", *maes[2:]))
    ]
    validation, test = means(curves)
    assert validation.case == "mean of 2 seeds: validation MAE at the end"
    assert (validation.ours, validation.baseline) == pytest.approx((0.15, 0.2))
    assert (test.ours, test.baseline) == pytest.approx((0.25, 0.3))
    draw(curves, tmp_path / "curves.svg")
    assert len(means([replace(curve, test_mae=float("nan")) for curve in curves])) == 1
    assert means(curves[:2]) == []

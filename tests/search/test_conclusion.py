"""The end of a large search: the ranking is whole in its artifacts and short enough for MLflow's description."""

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.estimator import Estimator
from models.recipe import FAST
from search.conclusion import TestError, write_conclusion
from search.conclusion import test_error as error_on_test
from search.data import Split
from search.judging import Tested
from search.parsing import parse
from search.results import TrialResult, rank
from search.store import open_store
from search.tracking import NOTE_TAG, Tracker


def test_eighty_candidates_are_ranked(in_tmp: Path, mp_split: Split) -> None:
    config = parse(["space=hyperparameters", "trials=80", "seeds=[0]"])
    tracker = Tracker(config, mp_split, open_store(config.tracking.uri, config.experiment))
    network = Architecture(groups=(Group(8, 2),))
    results = [
        TrialResult(
            str(number),
            Candidate(network, replace(FAST, learning_rate=1e-4 * number, optimiser="sgd", batch_size=64 + number)),
            seed=0, epochs=3, best_epoch=2, best_error=1 / number, seconds=1.0, stop_reason="all epochs",
        )
        for number in range(1, 81)
    ]  # fmt: skip
    for result in results:
        tracker.begin(result.trial_id, result.candidate, result.seed)
        tracker.end(result, None)
    tracker.writer.flush()
    standings = rank(results)
    write_conclusion(standings, TestError((0.25, 0.35)), mp_split, tracker)
    tracker.close("FINISHED")

    parent = tracker.client.get_run(tracker.parent)
    assert parent.data.metrics["best_validation_mae"] == pytest.approx(1 / 80)
    assert parent.data.metrics["test_mae"] == pytest.approx(0.3)
    note = parent.data.tags[NOTE_TAG]
    assert "0.3000 ± 0.0707 eV/atom" in note
    assert "All 80 are in the artifact ranking.md" in note
    table = Path(tracker.client.download_artifacts(tracker.parent, "ranking.csv", str(in_tmp)))
    with table.open() as file:
        assert [row["rank"] for row in csv.DictReader(file)] == [str(place) for place in range(1, 81)]
    worst = tracker.client.get_run(tracker.children["1"])
    assert worst.data.metrics["rank"] == 80


SMALL = Candidate(Architecture(groups=(Group(8, 1),)), FAST)


def test_the_test_error_is_of_every_seed_of_the_winner_and_of_no_other(mp_split: Split) -> None:
    results = [TrialResult(str(s), SMALL, s, 5, 5, 0.1) for s in range(3)]
    asked: list[int] = []

    def outputs(result: TrialResult) -> np.ndarray:
        asked.append(result.seed)
        shifted: np.ndarray = mp_split.test.y[:, None].astype(np.float64) + 0.1 * (1 + result.seed)
        return shifted

    rival = TrialResult("r", replace(SMALL, architecture=Architecture(groups=(Group(9, 1),))), 0, 5, 5, 0.2)
    found = error_on_test(rank([*results, rival])[0], cast(Tested, SimpleNamespace(outputs=outputs, split=mp_split)))
    assert found.values == pytest.approx((0.1, 0.2, 0.3))
    assert asked == [0, 1, 2]


def test_the_test_set_is_not_asked_about_a_fit_to_part_of_the_rows(mp_split: Split) -> None:
    ridge = Candidate(SMALL.architecture, replace(FAST, epochs=3), estimator=Estimator.of("ridge", {}, "standard"))
    results = [TrialResult("whole", ridge, 0, 3, 3, 0.2), TrialResult("stopped", ridge, 1, 1, 1, 0.1)]
    asked: list[str] = []

    def outputs(result: TrialResult) -> np.ndarray:
        asked.append(result.trial_id)
        return mp_split.test.y[:, None].astype(np.float64)

    error_on_test(rank(results)[0], cast(Tested, SimpleNamespace(outputs=outputs, split=mp_split)))
    assert asked == ["whole"]

"""Searches by parts of the rows, for real: one that keeps all and measures, and one that is interrupted and resumed."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.entities import Run
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from search.early_stopping import RUNGS_TAG, read
from search.errors import UserError
from search.history import LATEST, PastSearch, open_search
from search.inference.choice import choose_trial
from search.parsing import parse
from search.ray_session import ray_for
from search.report.cost import candidate_words
from search.report.early_stopping import early_stopping_section
from search.row_rungs import RowMeasurement
from search.run import main

URI = "sqlite:///mlflow.db"
NINTH, THIRD, ALL = str(1 / 9), str(1 / 3), "1.0"
SMALL = [
    "space=branching", "dataset=mp", "rows=300", "recipe.epochs=1", "recipe.batch_size=16", "scheduler=rows",
    "cpus_per_trial=1", "max_concurrent=1",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _one_ray_for_all(narrow_networks: None) -> Iterator[None]:
    with ray_for(parse([])):
        yield


@contextmanager
def interrupted_once_one_goes_on() -> Iterator[None]:
    """Ctrl-C while the first candidates are on the second part of the rows."""

    earlier = set(Path().glob("runs/*/journal.jsonl"))

    def interrupt() -> None:
        until = time.time() + 120
        while time.time() < until:
            for journal in set(Path().glob("runs/*/journal.jsonl")) - earlier:
                if '"event": "promoted"' in journal.read_text():
                    os.kill(os.getpid(), signal.SIGINT)
                    return
            time.sleep(0.02)

    thread = threading.Thread(target=interrupt)
    thread.start()
    yield
    thread.join(timeout=120)


def by_part(past: PastSearch) -> Counter[str]:
    return Counter(run.data.params["train_part"] for _, run in past.trials)


def errors_on(past: PastSearch, part: str, metric: str) -> dict[str, float]:
    """By network."""
    found: list[Run] = [run for _, run in past.trials if run.data.params["train_part"] == part]
    return {run.data.params["network"]: run.data.metrics[metric] for run in found if run.data.params["seed"] == "0"}


def test_rows_from_a_measurement_to_a_search_that_is_interrupted_and_resumed(
    in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SMALL, "trials=5", "scheduler.rungs=2", "scheduler.keep_all=true", "seeds=adaptive:2"]) == 0
    check_measurement(open_search(LATEST, URI), capsys.readouterr().out)
    with interrupted_once_one_goes_on():
        assert main([*SMALL, "trials=9", "seeds=2"]) == 130
    printed = capsys.readouterr().out
    assert "What scheduler=rows risks: on these data space=branching (1 epoch) showed" in printed
    assert (
        "9 candidates, in 14 trials (9 on 1/9 of the rows, 3 on 1/3 of the rows, 2 on all rows from 2 seeds)" in printed
    )
    assert "validation MAE" not in printed, "nothing was trained on all rows, so there is no ranking"
    cut = by_part(open_search(LATEST, URI))
    assert (cut[NINTH], cut[ALL]) == (9, 0)
    assert main(["resume=latest"]) == 0
    check_end(open_search(LATEST, URI), capsys.readouterr().out)
    assert main(["resume=latest"]) == 0
    assert "This search is finished" in capsys.readouterr().out


def check_measurement(past: PastSearch, printed: str) -> None:
    assert by_part(past) == {THIRD: 5, ALL: 10}, "those on all rows alone are repeated"
    small = errors_on(past, THIRD, "part_validation_mae")
    large = errors_on(past, ALL, "best_validation_mae")
    found = read(past.parent.data.tags[RUNGS_TAG])
    assert isinstance(found, RowMeasurement)
    (pair,) = found.pairs
    names = sorted(small)
    assert pair.rho == pytest.approx(spearmanr([small[n] for n in names], [large[n] for n in names]).statistic)
    best = min(names, key=small.__getitem__)
    assert pair.lost == pytest.approx(large[best] - min(large.values()))
    assert "1/3 of the rows against all rows: rho " in printed
    evidence: Any = SimpleNamespace(search=past)
    page = early_stopping_section(evidence)
    assert found.pairs[0].in_words(found.unit) in page


def check_end(past: PastSearch, printed: str) -> None:
    """Each trial once, the best third of each part on the next, and nothing but those on all rows in the end."""
    assert by_part(past) == {NINTH: 9, THIRD: 3, ALL: 2}
    assert {run.info.status for _, run in past.trials} == {"FINISHED"}
    ninth, third = (errors_on(past, part, "part_validation_mae") for part in (NINTH, THIRD))
    assert set(third) == set(sorted(ninth, key=ninth.__getitem__)[:3])
    finals = [run for _, run in past.trials if run.data.params["train_part"] == ALL]
    assert {run.data.params["network"] for run in finals} == {min(third, key=third.__getitem__)}
    assert {run.data.params["seed"] for run in finals} == {"0", "1"}
    ranked = [run for _, run in past.trials if {"rank", "best_validation_mae"} & set(run.data.metrics)]
    assert {run.info.run_id for run in ranked} == {run.info.run_id for run in finals}
    (standing,) = past.standings
    evidence: Any = SimpleNamespace(search=past, standings=past.standings)
    assert candidate_words(evidence) == "9, 1 of them on all rows and so in the ranking"
    assert standing.mean_error == past.parent.data.metrics["best_validation_mae"]
    assert "1/9 of the rows against 1/3 of the rows: rho not known (3 of 9 candidates: too few)" in printed
    assert "chosen greedily on validation from 2 networks" in printed or "No ensemble has a lower" in printed
    on_part = next(run for _, run in past.trials if run.data.params["train_part"] == NINTH)
    with pytest.raises(UserError, match="was trained on 1/9 of the rows"):
        choose_trial(past, on_part.info.run_id)

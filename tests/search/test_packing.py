"""Packed trials are trials: the same results as alone, for Ray Tune, for MLflow, and after a pack has died."""

import re
import threading
import time
from pathlib import Path

import pytest
import ray

from search.history import LATEST, PastSearch, open_search
from search.packing import HOST_PREFIX
from search.run import main

SEARCH = ["space=branching", "budget=200000", "dataset=mp", "rows=400", "trials=5", "recipe.batch_size=64"]


def run_search(folder: Path, *settings: str) -> PastSearch:
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    assert main([*SEARCH, *settings, f"tracking.uri={uri}", f"output={folder}"]) == 0
    return open_search(LATEST, uri)


def outcomes(search: PastSearch) -> dict[str, tuple[int, float, int, str]]:
    return {
        str(result.candidate): (result.epochs, result.best_error, result.best_epoch, result.stop_reason)
        for result, _ in search.trials
    }


def kill_a_host(killed: list[str], stop: threading.Event) -> None:
    """End the first pack's process once it has trained for a while, as the kernel does where memory is short."""
    while not stop.is_set() and not killed:
        time.sleep(0.1)
        names = ray.util.list_named_actors() if ray.is_initialized() else []
        for name in [name for name in names if name.startswith(HOST_PREFIX)]:
            time.sleep(1)
            ray.kill(ray.get_actor(name))
            killed.append(name)


def test_a_packed_search_comes_to_what_a_plain_one_does(tmp_path: Path) -> None:
    plain = run_search(tmp_path / "plain", "recipe.epochs=3")
    packed = run_search(tmp_path / "packed", "recipe.epochs=3", "pack=3")
    assert len(outcomes(plain)) == 5
    assert outcomes(packed) == outcomes(plain)
    assert re.search("3 packed in a process", packed.parent.data.params["resources"])
    for result, run in packed.trials:
        assert run.data.metrics["validation_mae"] > 0
        assert packed.weights(result, tmp_path).exists()


def test_a_pack_that_dies_costs_its_trials_nothing_but_time(tmp_path: Path) -> None:
    killed: list[str] = []
    stop = threading.Event()
    killer = threading.Thread(target=kill_a_host, args=(killed, stop))
    killer.start()
    try:
        search = run_search(tmp_path, "recipe.epochs=12", "pack=2", "checkpoint_every=0.1")
    finally:
        stop.set()
        killer.join()
    assert killed
    assert sorted(epochs for epochs, *_ in outcomes(search).values()) == [12] * 5
    assert not any(result.failure for result, _ in search.trials)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["pack=0"], "pack=0 is not"),
        (["pack=4", "gpus_per_trial=0.5"], "pack=4 gives each trial its share of a GPU"),
        (["pack=4", "space=traditional"], "pack=4 is for networks"),
    ],
)
def test_packs_that_make_no_sense_are_refused(
    settings: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*settings]) == 2
    assert sentence in capsys.readouterr().err

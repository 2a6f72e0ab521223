"""Packed trials are trials: the same results as alone, for Ray Tune, for MLflow, and after a pack has died."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import ray
import torch

from models.checkpoint import load_network
from models.training import TrainingRun
from search.checkpoints import TRAINING_FILE
from search.data import load
from search.history import LATEST, open_search
from search.packing import HOST_PREFIX
from search.run import main
from search.targets import training_data

SEARCH = [
    "space=branching", "budget=200000", "dataset=mp", "rows=400", "trials=3", "recipe.batch_size=32",
    "recipe.epochs=15", "recipe.precision=float32", "pack=2", "cpus_per_trial=0.5", "checkpoint_every=0.2",
]  # fmt: skip


def kill_a_host(output: Path, killed: list[str], stop: threading.Event) -> None:
    """End the first pack's process once a checkpoint has been written, as the kernel does where memory is short."""
    while not stop.is_set() and not killed:
        time.sleep(0.1)
        with suppress(FileNotFoundError):  # a folder may go while it is looked into
            if any(output.glob(f"*/trials/*/epoch-*/{TRAINING_FILE}")):
                killed += [name for name in ray.util.list_named_actors() if name.startswith(HOST_PREFIX)][:1]
    for name in killed:
        ray.kill(ray.get_actor(name))


def test_packed_trials_come_to_what_solo_runs_do_though_their_pack_dies(shared_ray: None, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    killed: list[str] = []
    stop = threading.Event()
    killer = threading.Thread(target=kill_a_host, args=(tmp_path, killed, stop))
    killer.start()
    try:
        assert main([*SEARCH, f"tracking.uri={uri}", f"output={tmp_path}"]) == 0
    finally:
        stop.set()
        killer.join()
    assert killed
    search = open_search(LATEST, uri)
    assert "2 packed in a process" in search.parent.data.params["resources"]
    assert len(search.trials) == 3
    data = training_data(load(search.config.data))
    for result, run in search.trials:
        solo = TrainingRun(result.candidate, data, result.seed)
        errors = [epoch.validation_error for epoch in solo]
        assert (result.epochs, result.best_epoch, result.stop_reason) == (
            len(errors),
            solo.state.best_epoch,
            "all epochs",
        )
        assert result.best_error == solo.state.best_error
        history = search.client.get_metric_history(run.info.run_id, "validation_mae")
        assert [metric.value for metric in sorted(history, key=lambda metric: metric.step)] == errors
        network, _ = load_network(search.product(result, tmp_path))
        expected = solo.best_network().state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


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

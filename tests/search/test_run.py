"""The command: one sentence and status 2 for a mistake, before Ray starts; an orderly end on Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import ray
import torch
from mlflow.tracking import MlflowClient

from search.run import main

MISTAKES = {
    "a space": (["space=brnching"], "did you mean branching"),
    "a dataset": (["dataset=jarvs"], "did you mean jarvis"),
    "a property": (["dataset=mp", "property=formation_enrgy"], "formation_energy"),
    "a key": (["trals=3"], "trials"),
    "a count": (["trials=-3"], "trials=-3"),
    "a type": (["recipe.batch_size=abc"], "recipe.batch_size=abc"),
    "a missing file": (["dataset=csv", "path=none.csv", "target=gap"], "none.csv"),
    "a missing column": (["dataset=csv", "path=table.csv", "target=gp"], "gap"),
    "an empty table": (["dataset=csv", "path=empty.csv", "target=gap"], "empty.csv"),
    "nothing but bad rows": (["dataset=csv", "path=bad.csv", "target=gap"], "Xx2"),
    "a budget out of reach": (["budget=1000"], "1000"),
    "too many CPUs": (["cpus_per_trial=4096"], "cpus_per_trial=4096"),
    "a store that is none": (["tracking.uri=sqlite:////proc/none/mlflow.db", "rows=100"], "tracking.uri="),
    "no cluster": (["cluster=auto", "cluster.address=127.0.0.1:1", "rows=100"], "ray up"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_and_status_2(
    mistake: str, in_tmp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("table.csv").write_text("formula,gap\nNaCl,5.0\nFe2O3,2.0\n")
    Path("empty.csv").write_text("formula,gap\n")
    Path("bad.csv").write_text("formula,gap\nXx2,1.0\nQqO,2.0\n")
    if mistake not in ("no cluster", "a store that is none"):
        monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was started"))
    arguments, told = MISTAKES[mistake]
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert told in error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1
    assert not ray.is_initialized()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpus_per_trial=0.5"]) == 2
    assert "gpus_per_trial=0" in capsys.readouterr().err


def test_help_names_groups_and_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("space=branching", "recipe.batch_size", "time_budget", "examples"))


def test_ctrl_c_keeps_what_is_done(in_tmp: Path) -> None:
    arguments = ["space=components", "dataset=mp", "rows=300", "recipe.epochs=6", "max_concurrent=1"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "search.run", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env=environment,
    ) as search:  # fmt: skip
        assert search.stdout is not None
        printed = []
        for line in search.stdout:
            printed.append(line)
            if line.startswith("1/24"):
                search.send_signal(signal.SIGINT)
                interrupted = time.monotonic()
                break
        printed += search.stdout.readlines()
    text = "".join(printed)
    assert search.returncode == 130, text
    assert time.monotonic() - interrupted < 60
    assert "Interrupted" in text
    assert "rank" in text
    assert "Traceback" not in text
    client = MlflowClient(f"sqlite:///{in_tmp}/mlflow.db")
    experiment = client.get_experiment_by_name("components on mp formation_energy")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    finished = [run for run in runs if run.info.status == "FINISHED"]
    assert len(finished) >= 1
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}
    assert next(run for run in runs if "winner" in run.data.tags).info.status == "KILLED"

"""A search that is killed and interrupted, and goes on: real processes, real signals, one ranking."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
import slow_trial
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from slow_trial import slow

from models.candidate import Candidate
from models.data import TrainingData
from models.training import TrainingRun
from search.data import DataRequest, load
from search.journal import Journal, alone_in
from search.parent_run import DATA_TAG
from search.race import OPENING_FREEDOM, next_repeat
from search.racing import REPEATED
from search.run import main
from search.store import PARENT_TAG
from search.tracking import CANDIDATE_TAG

ROWS, EPOCHS, TRIALS = 300, 15, 3
ONE_AT_A_TIME = ["checkpoint_every=0.05s", "max_concurrent=1", "cpus_per_trial=1"]
ARGUMENTS = [
    "space=components", "dataset=mp", f"rows={ROWS}", f"recipe.epochs={EPOCHS}", "recipe.batch_size=16",
    f"trials={TRIALS}", *ONE_AT_A_TIME,
]  # fmt: skip


@dataclass
class Searched:
    """A search that was killed, resumed, interrupted and resumed; what its processes printed, and its runs."""

    folder: Path
    search: Path
    interrupted: str
    finished: str
    client: MlflowClient
    parent: Run
    children: list[Run]


def run_until(arguments: list[str], done: Collection[int], number: int) -> tuple[int, str]:
    """Run the command; once so many trials are done and the next has a checkpoint, send the signal.

    Its exit status and what it printed.
    """
    with Path("printed").open("w+") as printed, slow(done) if done else nullcontext():
        process = subprocess.Popen(
            [sys.executable, slow_trial.__file__, *arguments],
            stdout=printed, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        while process.poll() is None:
            time.sleep(0.05)
            if number and is_in_the_middle(done):
                # Ctrl-C in a terminal reaches all processes of the group, kill -9 the driver alone.
                (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
                number = 0
        printed.seek(0)
        return process.returncode, printed.read()


def is_in_the_middle(done: Collection[int]) -> bool:
    """Whether so many trials have ended, and one under way has trained for some epochs."""
    for search in Path("runs").glob("*"):
        ended = Journal(search).results()[0]
        under_way = [path for path in search.glob("trials/*/epoch-*") if path.parent.name not in ended]
        return len(ended) in done and any(path.name > "epoch-000002" for path in under_way)
    return False


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("resume")
        patch.chdir(folder)
        slow_trial.install(patch, folder)
        status, text = run_until(ARGUMENTS, [1], signal.SIGKILL)
        assert status == -signal.SIGKILL, text
        status, interrupted = run_until(["resume=latest"], [2], signal.SIGINT)
        assert status == 130, interrupted
        command = shlex.split(re.findall(r"python -m search\.run resume=\w+", interrupted)[-1])
        status, finished = run_until(command[3:], [], 0)
        assert status == 0, finished
        client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        experiment = client.get_experiment_by_name("components on mp formation_energy")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        (parent,) = (run for run in runs if PARENT_TAG not in run.data.tags)
        (search,) = folder.glob("runs/*")
        children = [run for run in runs if run is not parent]
        yield Searched(folder, search, interrupted, finished, client, parent, children)


def test_the_same_runs_go_on_and_none_is_left_open(searched: Searched) -> None:
    assert len(searched.children) == TRIALS
    assert len({run.data.tags[CANDIDATE_TAG] for run in searched.children}) == TRIALS
    assert {run.info.status for run in [searched.parent, *searched.children]} == {"FINISHED"}
    assert sorted(run.data.metrics["rank"] for run in searched.children) == list(range(1, TRIALS + 1))


def test_no_finished_trial_is_run_again(searched: Searched) -> None:
    ended = [event["trial_id"] for event in Journal(searched.search).events() if event["event"] == "ended"]
    assert len(ended) == len(set(ended)) == TRIALS
    assert "goes on after epoch" in searched.interrupted
    assert "goes on after epoch" in searched.finished


def test_every_curve_is_that_of_an_undisturbed_run_bit_for_bit(searched: Searched) -> None:
    split = load(DataRequest("mp", rows=ROWS))
    data = TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)
    for child in searched.children:
        run = TrainingRun(Candidate.from_json(child.data.tags[CANDIDATE_TAG]), data, seed=0)
        undisturbed = [(epoch.number, epoch.validation_error) for epoch in run]
        history = searched.client.get_metric_history(child.info.run_id, "validation_mae")
        assert [(point.step, point.value) for point in history] == undisturbed
        assert child.data.metrics["best_validation_mae"] == run.state.best_error


def test_an_interrupted_search_says_what_is_done_and_how_to_go_on(searched: Searched) -> None:
    assert "Interrupted" in searched.interrupted
    assert "rank" in searched.interrupted
    assert "test MAE" not in searched.interrupted  # that is for the winner of the whole search
    assert f"resume={searched.parent.info.run_id}" in searched.interrupted
    assert "Traceback" not in searched.interrupted + searched.finished


def test_nothing_is_left_of_the_trials_but_what_mlflow_has(searched: Searched) -> None:
    assert not list(searched.search.glob("trials/*"))
    assert all(searched.client.list_artifacts(run.info.run_id) for run in searched.children)


REFUSED = {
    "other epochs": (["recipe.epochs=9"], ("recipe.epochs=9", f"recipe.epochs={EPOCHS}")),
    "another space": (["space=branching"], ("space=branching", "space=components")),
    "other seeds": (["seeds=2"], ("seeds=[0,1]", "seeds=[0]")),
    "fewer trials": (["trials=2"], ("trials=2", f"trials={TRIALS}")),
    "a mistake": (["trals=2"], ("trials",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_settings_are_refused_in_a_sentence(
    name: str, searched: Searched, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(searched.folder)
    arguments, told = REFUSED[name]
    assert main(["resume=latest", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert all(word in error for word in told), error


def test_a_finished_search_says_so(
    searched: Searched, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(searched.folder)
    for name in ("latest", searched.parent.info.run_id, str(searched.search)):
        assert main([f"resume={name}", "max_concurrent=1"]) == 0
        assert "finished" in capsys.readouterr().out
    assert searched.client.get_run(searched.parent.info.run_id).info.status == "FINISHED"


def test_what_cannot_be_resumed_is_said(
    searched: Searched, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(searched.folder)
    with alone_in(searched.search):
        assert main(["resume=latest"]) == 2
    assert "under way" in capsys.readouterr().err
    run_id = searched.parent.info.run_id
    searched.client.set_tag(run_id, DATA_TAG, "0123456789abcdef")
    try:
        assert main(["resume=latest", "trials=5"]) == 2
    finally:
        searched.client.set_tag(run_id, DATA_TAG, searched.parent.data.tags[DATA_TAG])
    error = capsys.readouterr().err
    assert "the data has changed" in error
    assert "0123456789abcdef" in error
    assert main(["resume=none"]) == 2
    assert main(["resume="]) == 2
    assert "resume=latest" in capsys.readouterr().err


def test_a_race_over_seeds_that_is_killed_goes_on_with_the_choices_of_one_that_was_not(
    in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_trial.install(monkeypatch, in_tmp)
    candidates, seeds = 4, (0, 1, 2)
    arguments = ["space=components", "dataset=mp", "rows=150", "recipe.epochs=15", "recipe.batch_size=32"]
    arguments += [f"trials={candidates}", f"seeds=adaptive:{len(seeds)}", *ONE_AT_A_TIME]
    status, text = run_until(arguments, range(candidates + 1, candidates + OPENING_FREEDOM), signal.SIGKILL)
    assert status == -signal.SIGKILL, text
    status, text = run_until(["resume=latest"], [], 0)
    assert status == 0, text
    (search,) = Path("runs").glob("*")
    events, results = list(Journal(search).events()), Journal(search).results()[0]
    ended = [event["trial_id"] for event in events if event["event"] == "ended"]
    repeats = [(event["candidate"], event["seed"]) for event in events if event["event"] == REPEATED]
    assert len(ended) == len(set(ended)) == len(results) == candidates + len(repeats)
    found = {(result.candidate.to_json(), result.seed): result.best_error for result in results.values()}
    errors = {candidate: {seed: error} for (candidate, seed), error in found.items() if seed == seeds[0]}
    for candidate, seed in repeats:
        assert next_repeat(errors, [], seeds) == (candidate, seed)
        errors[candidate][seed] = found[candidate, seed]
    assert next_repeat(errors, [], seeds) is None


def test_no_search_to_resume(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume=latest"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(in_tmp.iterdir()) == []

"""A search that is killed and interrupted, and goes on: real processes, real signals, one ranking."""

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import slow_trial
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from slow_trial import slow
from undisturbed import undisturbed_curve

from search.errors import UserError
from search.journal import Journal, alone_in
from search.parent_run import DATA_TAG
from search.parsing import parse
from search.race import OPENING_FREEDOM, next_repeat
from search.racing import REPEATED
from search.resume import merged
from search.run import main
from search.store import PARENT_TAG
from search.tracking import CANDIDATE_TAG

ROWS, EPOCHS, CANDIDATES, SEEDS = 150, 15, 4, (0, 1, 2)
ARGUMENTS = [
    "space=components", "dataset=mp", f"rows={ROWS}", f"recipe.epochs={EPOCHS}", "recipe.batch_size=32",
    f"trials={CANDIDATES}", f"seeds=adaptive:{len(SEEDS)}", "checkpoint_every=0.05s", "max_concurrent=1",
    "cpus_per_trial=1",
]  # fmt: skip


@dataclass
class Searched:
    """A race over seeds that was interrupted among its candidates, resumed, killed among their repeats and resumed;
    what its processes printed, and its runs."""

    folder: Path
    search: Path
    interrupted: str
    killed: str
    finished: str
    client: MlflowClient
    parent: Run
    children: list[Run]


def run_until(arguments: list[str], done: Collection[int], number: int) -> tuple[int, str]:
    """Run the command; once so many trials are done and the next has a checkpoint, send the signal.

    Its exit status and what it printed.
    """
    with Path("printed").open("w+") as printed, slow(done):
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
    """Whether so many trials have ended, and one under way has a checkpoint: on a slow disk it may be its only one."""
    with suppress(FileNotFoundError):  # a folder may go while it is looked into
        for search in Path("runs").glob("*"):
            ended = Journal(search).results()[0]
            under_way = [path for path in search.glob("trials/*/epoch-*") if path.parent.name not in ended]
            return len(ended) in done and bool(under_way)
    return False


def run_here(arguments: list[str]) -> tuple[int, str]:
    """Run the command in this process, whose Ray is up; its exit status and what it printed."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        return main(arguments), printed.getvalue()


@pytest.fixture(scope="module")
def searched(narrow_networks: None, shared_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("resume")
        patch.chdir(folder)
        patch.setenv(slow_trial.FILE, str(folder / "slow"))
        status, interrupted = run_until(ARGUMENTS, [1], signal.SIGINT)
        assert status == 130, interrupted
        command = shlex.split(re.findall(r"python -m search\.run resume=\w+", interrupted)[-1])
        among_repeats = range(CANDIDATES + 1, CANDIDATES + OPENING_FREEDOM)
        status, killed = run_until(command[3:], among_repeats, signal.SIGKILL)
        assert status == -signal.SIGKILL, killed
        status, finished = run_here(["resume=latest"])
        assert status == 0, finished
        client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        experiment = client.get_experiment_by_name("components on mp formation_energy")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        (parent,) = (run for run in runs if PARENT_TAG not in run.data.tags)
        (search,) = folder.glob("runs/*")
        children = [run for run in runs if run is not parent]
        yield Searched(folder, search, interrupted, killed, finished, client, parent, children)


def test_the_same_runs_go_on_and_none_is_left_open(searched: Searched) -> None:
    assert len({run.data.tags[CANDIDATE_TAG] for run in searched.children}) == CANDIDATES
    assert {run.info.status for run in [searched.parent, *searched.children]} == {"FINISHED"}
    ranks = {run.data.tags[CANDIDATE_TAG]: run.data.metrics["rank"] for run in searched.children}
    assert sorted(ranks.values()) == list(range(1, CANDIDATES + 1))


def test_no_finished_trial_is_run_again(searched: Searched) -> None:
    ended = [event["trial_id"] for event in Journal(searched.search).events() if event["event"] == "ended"]
    assert len(ended) == len(set(ended)) == len(searched.children)
    assert "goes on after epoch" in searched.killed
    assert "goes on after epoch" in searched.finished


def test_its_choices_are_those_of_a_race_that_was_not_cut_off(searched: Searched) -> None:
    journal = Journal(searched.search)
    results = journal.results()[0].values()
    repeats = [(event["candidate"], event["seed"]) for event in journal.events() if event["event"] == REPEATED]
    assert len(results) == CANDIDATES + len(repeats)
    found = {(result.candidate.to_json(), result.seed): result.best_error for result in results}
    errors = {candidate: {seed: error} for (candidate, seed), error in found.items() if seed == SEEDS[0]}
    for candidate, seed in repeats:
        assert next_repeat(errors, [], SEEDS) == (candidate, seed)
        errors[candidate][seed] = found[candidate, seed]
    assert next_repeat(errors, [], SEEDS) is None


def test_every_curve_is_that_of_an_undisturbed_run_bit_for_bit(searched: Searched) -> None:
    for child in searched.children:
        curve = undisturbed_curve(child.data.tags[CANDIDATE_TAG], ROWS, int(child.data.params["seed"]))
        history = searched.client.get_metric_history(child.info.run_id, "validation_mae")
        assert [(point.step, point.value) for point in history] == curve
        assert child.data.metrics["best_validation_mae"] == min(error for _, error in curve)


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
    "other seeds": (["seeds=2"], ("seeds=[0,1]", f"seeds=adaptive:{len(SEEDS)}")),
    "fewer trials": (["trials=2"], ("trials=2", f"trials={CANDIDATES}")),
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
        assert main(["resume=latest", f"trials={CANDIDATES + 1}"]) == 2
    finally:
        searched.client.set_tag(run_id, DATA_TAG, searched.parent.data.tags[DATA_TAG])
    error = capsys.readouterr().err
    assert "the data has changed" in error
    assert "0123456789abcdef" in error
    assert main(["resume=none"]) == 2
    assert main(["resume="]) == 2
    assert "resume=latest" in capsys.readouterr().err


def test_a_table_that_has_another_name_now_is_the_same_experiment() -> None:
    before = parse(["dataset=csv", "path=a.csv", "target=gap"])
    uri = "sqlite:///mlflow.db"
    assert merged(before, ["path=b.csv"], uri).experiment == before.experiment == "branching on a.csv gap"
    with pytest.raises(UserError, match="began with experiment="):
        merged(before, ["path=b.csv", "experiment=mine"], uri)


def test_a_search_begun_with_what_is_refused_now_goes_on() -> None:
    before = replace(parse(["ensemble_parameters=1000"]), ensemble=0)
    assert merged(before, ["max_concurrent=1"], "sqlite:///mlflow.db").max_concurrent == 1
    assert merged(before, ["ensemble=0", "ensemble_parameters=null"], "sqlite:///mlflow.db").ensemble_parameters is None
    with pytest.raises(UserError, match="add ensemble_parameters=null"):
        merged(before, ["ensemble=0"], "sqlite:///mlflow.db")


def test_no_search_to_resume(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume=latest"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(in_tmp.iterdir()) == []

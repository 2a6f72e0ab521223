"""What happens to a search when processes, nodes, memory and disks fail: really done to it, on a Ray of two nodes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import ray
import slow_trial
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from ray.cluster_utils import Cluster
from slow_trial import slow
from undisturbed import undisturbed_curve

from benchmarks.injection import end, trial_processes
from search.journal import Journal
from search.run import main
from search.store import PARENT_TAG
from search.tracking import CANDIDATE_TAG
from search.trial import may_pass

ROWS = 300
SMALL = [
    "space=components", "dataset=mp", f"rows={ROWS}", "recipe.epochs=15", "recipe.batch_size=16",
    "checkpoint_every=0.05s", "cpus_per_trial=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def cluster(narrow_networks: None, no_shared_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes of one CPU each, to which every search of this module goes; the first test loses one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "0")
        patch.setenv("RAY_AIR_NEW_OUTPUT", "0")
        slow_trial.install(patch, tmp_path_factory.mktemp("faults"))
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        nodes.add_node(num_cpus=1)
        ray.init(address=nodes.address, log_to_driver=False)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@contextmanager
def meanwhile(*steps: Callable[[], object]) -> Iterator[None]:
    """Do these one after another, each once a trial has written a new checkpoint, beside what is in the `with`.

    Trials are slow until all is done.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with slow():
                for step in steps:
                    await_checkpoint()
                    step()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(timeout=60)
    assert not failures, failures
    assert not thread.is_alive(), "the search ended before all was done to it"


def await_checkpoint() -> None:
    began = time.time()
    while time.time() < began + 120:
        with suppress(FileNotFoundError):  # a folder may go while it is looked into
            for folder in Path().glob("runs/*/trials/*/epoch-*"):
                if folder.stat().st_mtime > began and folder.name >= "epoch-000002":
                    return
        time.sleep(0.02)
    raise TimeoutError("no trial writes a checkpoint")


def kill_a_trial() -> None:
    while not (running := trial_processes(os.getpid())):
        time.sleep(0.05)
    end(max(running))  # the newest: one of an earlier test may not have ended yet


def runs_here() -> tuple[Run, list[Run], MlflowClient]:
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    (parent,) = (run for run in runs if PARENT_TAG not in run.data.tags)
    return parent, [run for run in runs if run is not parent], client


def check_curves(children: list[Run], client: MlflowClient) -> None:
    """Each as one undisturbed process trains it, bit for bit, and each epoch once."""
    for child in children:
        history = client.get_metric_history(child.info.run_id, "validation_mae")
        curve = undisturbed_curve(child.data.tags[CANDIDATE_TAG], ROWS)
        assert [(point.step, point.value) for point in history] == curve


def test_killed_trials_a_lost_node_and_a_damaged_checkpoint_change_no_result(
    in_tmp: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    def damage_and_kill() -> None:
        for process in trial_processes(os.getpid()):
            end(process)
        for trial in Path().glob("runs/*/trials/*"):
            for newest in sorted(trial.glob("epoch-*"))[-1:]:
                os.truncate(newest / "training.npz", (newest / "training.npz").stat().st_size // 3)

    def lose_a_node() -> None:
        cluster.remove_node(cluster.list_all_nodes()[1], allow_graceful=False)

    with meanwhile(lose_a_node, damage_and_kill):
        assert main([*SMALL, "trials=3", "retries=9"]) == 0
    parent, children, client = runs_here()
    assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
    assert len(children) == 3
    check_curves(children, client)
    printed = capsys.readouterr().out
    assert "is started again (1 of 9)" in printed
    assert "cannot be read)" in printed


def test_a_trial_killed_too_often_fails_with_its_reason_and_is_tried_again_by_resume(
    in_tmp: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    with meanwhile(kill_a_trial):
        assert main([*SMALL, "trials=2", "retries=0"]) == 0
    parent, children, _ = runs_here()
    states = {run.info.status: run for run in children}
    assert set(states) == {"FAILED", "FINISHED"}
    assert "its process or node was lost" in states["FAILED"].data.tags["stop_reason"]
    assert "(1 times)" in states["FAILED"].data.tags["stop_reason"]
    assert main(["resume=latest"]) == 0
    parent, children, client = runs_here()
    assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
    check_curves(children, client)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, which a test can fill."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        refuse = pytest.fail if os.environ.get("BRANCHSEARCH_NO_SYSTEM_SKIPS") else pytest.skip
        refuse(f"needs the right to mount a file system: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no space on a disk; the file to remove for it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            for size in (1 << 20, 1 << 12):
                while True:
                    file.write(bytes(size))
        except OSError:
            pass
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return filler


@pytest.mark.parametrize("what", ["output", "database"])
def test_a_full_disk_stops_the_search_which_then_goes_on(
    what: str, in_tmp: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(in_tmp / "disk") as disk:
        Path("runs").mkdir()
        if what == "output":
            Path("runs").rmdir()
            (disk / "runs").mkdir()
            Path("runs").symlink_to(disk / "runs")
            where = []
        else:
            where = [f"tracking.uri=sqlite:///{disk}/mlflow.db"]
        with meanwhile(lambda: fill(disk)):
            assert main([*SMALL, *where, "trials=2"]) == 3
        printed = capsys.readouterr()
        assert "The search has stopped" in printed.out
        assert "resume=" in printed.out
        assert "is started again" not in printed.out
        assert "Traceback" not in printed.out + printed.err
        (disk / "filler").unlink()
        assert main(["resume=latest", *where]) == 0
        if what == "database":
            Path("mlflow.db").symlink_to(disk / "mlflow.db")
        parent, children, client = runs_here()
        assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
        assert len(children) == 2
        check_curves(children, client)
        journal = Journal(next(Path().glob("runs/*")))
        ended = [event["trial_id"] for event in journal.events() if event["event"] == "ended"]
        assert len(ended) == len(set(ended)) == 2


def test_a_pack_that_is_being_lost_is_no_fault_of_the_trial() -> None:
    for lost in ("ActorDiedError", "TaskCancelledError", "WorkerCrashedError"):
        assert may_pass(getattr(ray.exceptions, lost)()), lost
    assert not may_pass(ValueError("a mistake"))


def test_too_little_memory_is_told_from_a_mistake() -> None:
    code = """
import resource
import torch
from search.trial import may_pass
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
for make in (lambda: torch.empty(1 << 33), lambda: bytearray(1 << 35), lambda: torch.empty(2) @ torch.empty(3)):
    try:
        make()
    except Exception as error:
        print(type(error).__name__, may_pass(error))
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["RuntimeError True", "MemoryError True", "RuntimeError False"]

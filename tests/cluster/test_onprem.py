"""`ray up cluster-onprem.yaml` over SSH, a search on it that loses a node, and what a stranger on the network finds."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hosts import PROGRAMS, SHARED
from onprem import Cluster, brought_up, wait_for_workers
from undisturbed import undisturbed_curve

pytestmark = [pytest.mark.system(*PROGRAMS), pytest.mark.timeout(600)]

ROWS = 600
SEARCH = [
    "space=branching",
    "trials=4",
    "dataset=mp",
    f"rows={ROWS}",
    "recipe.epochs=20",
    "max_concurrent=3",
    "cluster=auto",
    "tracking=server",
    "tracking.uri=http://127.0.0.1:5000",
    f"output={SHARED}/runs",
    "checkpoint_every=1s",
]

# What the server knows of a search's trials, as JSON: their errors in all digits by their candidates.
ERRORS = """
import json
from mlflow.tracking import MlflowClient
from search.tracking import CANDIDATE_TAG
client = MlflowClient("http://127.0.0.1:5000")
experiments = [experiment.experiment_id for experiment in client.search_experiments()]
trials = client.search_runs(experiments, "tags.`mlflow.parentRunId` != ''")
assert {run.info.status for run in trials} == {"FINISHED"}, [run.info.status for run in trials]
print(json.dumps({run.data.tags[CANDIDATE_TAG]: run.data.metrics["best_validation_mae"] for run in trials}))
"""

# Where a worker finds the code that it runs.
CODE = """
import ray
from search.parsing import parse
from search.ray_session import ray_for
with ray_for(parse(["cluster=auto"])):
    @ray.remote(num_cpus=1)
    def where():
        import models, search.edited_on_the_head
        return models.__file__
    print(ray.get(where.remote()))
"""

LISTENERS = "ss -ltnpH | awk '{print $4, $6}'"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with brought_up() as cluster:
        yield cluster


def test_a_search_that_loses_a_node_ends_as_if_it_had_not(cluster: Cluster) -> None:
    wait_for_workers(cluster)
    command = f"cd ~/branchsearch && python -m search.run {' '.join(SEARCH)}"
    printed = cluster.laptop.home / "search.log"
    with (
        printed.open("w") as file,
        subprocess.Popen(cluster.launcher("exec", command), stdout=file, stderr=subprocess.STDOUT) as search,
    ):
        deadline = time.monotonic() + 150
        while len(trials_with_checkpoint(cluster)) < 3:  # so that every node has one to lose
            assert search.poll() is None, printed.read_text()
            assert time.monotonic() < deadline, printed.read_text()
            time.sleep(0.1)
        cluster.hosts["two"].pull_the_plug()
    text = printed.read_text()
    assert search.returncode == 0, text
    assert "is started again (1 of" in text
    assert "goes on after epoch" in text  # another node has found the checkpoint
    found = json.loads(cluster.head.run("python", "-c", ERRORS).splitlines()[-1])
    assert len(found) == 4
    for candidate, error in found.items():
        assert error == min(error for _, error in undisturbed_curve(candidate, ROWS))


def trials_with_checkpoint(cluster: Cluster) -> set[Path]:
    with suppress(FileNotFoundError):  # a folder may go while it is looked into
        return {path.parent for path in (cluster.file.parent / "shared" / "runs").glob("*/trials/*/epoch-*")}
    return set()


def test_workers_run_the_code_of_the_machine_that_searches(cluster: Cluster) -> None:
    cluster.on_head("echo >search/edited_on_the_head.py")
    (cluster.head.home / "where.py").write_text(CODE)
    assert "working_dir_files" in cluster.on_head("PYTHONPATH=. python ~/where.py")


def test_strangers_reach_ssh_and_what_asks_for_the_token(cluster: Cluster) -> None:
    listeners = cluster.head.run("bash", "-c", LISTENERS).splitlines()
    open_to_all = [line for line in listeners if not re.match(r"(127\.|\[::ffff:127\.|\[::1\])", line)]
    assert any("127.0.0.1:5000" in line for line in listeners)  # MLflow
    assert {re.search(r'\(\("([^"]+)"', line)[1] for line in open_to_all} <= {  # type: ignore[index]
        "sshd", "gcs_server", "raylet", "ray::RuntimeEnv",
    }  # fmt: skip
    assert "postgres" not in "".join(listeners)
    # Ray answers to those who have the token, and to nobody else.
    ask = f"ray status --address={cluster.head.address}:6379"
    assert "Active" in cluster.laptop.run("bash", "-c", f"RAY_AUTH_MODE=token {ask}")
    refused = subprocess.run(
        cluster.laptop.command(["bash", "-c", f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN={'0' * 64} timeout 60 {ask} 2>&1"]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "Active" not in refused.stdout
    assert "InvalidAuthToken" in refused.stdout


def test_the_token_is_in_its_file_alone(cluster: Cluster) -> None:
    for name in ("head", "one", "three"):
        home = cluster.hosts[name].home
        assert (home / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600
        assert with_token(home, cluster) == ["auth_token"]
    shared = cluster.file.parent / "shared"
    assert any(shared.rglob("search.log"))
    assert with_token(shared, cluster) == []


def with_token(folder: Path, cluster: Cluster) -> list[str]:
    """Names of the files that hold the token. Ray and MLflow run on, and files of theirs come and go meanwhile."""
    found = []
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            with suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink() and cluster.token.encode() in path.read_bytes():
                    found.append(path.name)
    return found


def test_ray_down_ends_ray(cluster: Cluster) -> None:
    down = subprocess.run(cluster.launcher("down"), capture_output=True, text=True, timeout=120, check=False)
    assert down.returncode == 0, down.stdout + down.stderr
    assert "gcs_server" not in cluster.head.run("ps", "-eo", "args")
    cluster.on_head("bash cluster/mlflow.sh stop ~/mlflow")
    assert not re.search(r"mlflow server|postgres -D", cluster.head.run("ps", "-eo", "args"))

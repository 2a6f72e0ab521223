"""What strangers could send or reach: files that are not ours, passwords, and the ports of a search."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shelf import Shelf

from models.checkpoint import CheckpointError, load_network
from search.errors import UserError
from search.inference.package import load_package
from search.inference.registry import open_registry
from search.inference.serving import FORMULA, Served
from search.parsing import parse
from search.run import main

SECRET = "hunter2"
ADDRESSES = [
    f"postgresql+psycopg2://me:{SECRET}@db/mlflow",
    f"http://me:{SECRET}@127.0.0.1:9",
    f"http://:{SECRET}@127.0.0.1:9",
    f"postgresql://me:hu/{SECRET}@db/mlflow",
    f"postgresql:///mlflow?host=db&password={SECRET}",
]


@pytest.fixture(scope="module")
def package(shelf: Shelf) -> Path:
    """The folder of a registered model, as a stranger could have changed it."""
    source = open_registry(shelf.uri).get_model_version_download_uri("small", "1")
    folder = Path(mlflow.artifacts.download_artifacts(source, tracking_uri=shelf.uri))
    return next(folder.rglob("model.json")).parent


class Touch:
    """Its pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["network-0.npz", "domain.npz", "calibration.npz"])
def test_a_pickle_in_a_model_is_not_loaded(package: Path, tmp_path: Path, name: str) -> None:
    folder, trap = copy(package, tmp_path / "model"), tmp_path / "run"
    with np.load(folder / name) as arrays:
        kept = dict(arrays)
    swapped = next(key for key in kept if key != "facts")
    np.savez(folder / name, **{**kept, swapped: np.array([Touch(trap)], dtype=object)})
    with pytest.raises(CheckpointError, match=name):
        load_package(folder)
    assert not trap.exists()


def test_a_file_that_swells_in_memory_is_not_loaded(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "swells.npz", weight=np.zeros(50_000_000, dtype=np.float32))
    assert (tmp_path / "swells.npz").stat().st_size < 1_000_000
    with pytest.raises(CheckpointError, match="larger than itself"):
        load_network(tmp_path / "swells.npz")


def copy(package: Path, target: Path) -> Path:
    target.mkdir()
    for path in package.iterdir():
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())
    return target


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_model_loads_or_says_that_it_is_damaged(package: Path, tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "model"
    names = sorted(path.name for path in package.iterdir() if path.suffix in (".json", ".npz"))
    name = data.draw(st.sampled_from(names))
    content = bytearray((package / name).read_bytes())
    # also by the place from the end, where the directory of an archive is
    for place in data.draw(st.lists(st.integers(-2000, len(content) - 1), min_size=1, max_size=4)):
        content[max(place, -len(content))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    if not folder.exists():
        copy(package, folder)
    (folder / name).write_bytes(content)
    try:
        assert len(load_package(folder).predict(["NaCl"])) == 1
    except CheckpointError:
        pass
    finally:
        (folder / name).write_bytes((package / name).read_bytes())


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["NaCl", "(" * 500]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(json_values, max_size=5))
def test_whatever_is_asked_of_a_served_model_has_an_answer_a_row(package: Path, rows: list[Any]) -> None:
    answers = Served(load_package(package)).predict(pd.DataFrame({FORMULA: pd.Series(rows, dtype=object)}))
    assert len(answers) == len(rows)
    assert all(
        bool(warning) or value is not None for value, warning in zip(answers["value"], answers["warning"], strict=True)
    )


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_a_password_is_refused_and_not_shown(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="without a password") as raised:
        parse(["tracking=server", f"tracking.uri={address}"])
    assert SECRET not in str(raised.value)
    assert "PGPASSWORD" in str(raised.value)
    assert main(["tracking=server", f"tracking.ur={address}"]) == 2
    assert main(["resume=latest", f"tracking.uri={address}"]) == 2
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err


@pytest.mark.parametrize("command", ["report", "register", "predict", "screen"])
def test_no_command_takes_a_password(command: str) -> None:
    words = {"predict": ["model=a", "NaCl"], "screen": ["model=a", "elements=Li,O"]}.get(command, ["run=latest"])
    done = subprocess.run(
        [sys.executable, "-m", f"search.{command}", *words, f"tracking.uri={ADDRESSES[1]}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "without a password" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_folder_on_the_web_is_refused() -> None:
    with pytest.raises(UserError, match=r"^output=s3://bucket/runs is not a folder"):
        parse(["output=s3://bucket/runs"])


# A search on a machine with a network beside loopback, and what listens while its trials train.
WATCHED = """
ip link set lo up && ip link add lan type bridge && ip address add 10.9.8.7/24 dev lan && ip link set lan up
ip route add default via 10.9.8.1
mount --bind /dev/null /etc/resolv.conf  # names are asked of nobody, who does not answer for long
"$@" >search.txt 2>&1 &
while kill -0 $! 2>/dev/null; do ss -ltnpH; sleep 0.2; done
wait $!
"""


@pytest.mark.system("unshare", "setpriv", "ip", "ss")
def test_a_search_listens_on_loopback_alone(in_tmp: Path) -> None:
    arguments = ["space=branching", "trials=1", "dataset=mp", "rows=100", "recipe.epochs=2", "cpus_per_trial=1"]
    alone = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--pid", "--mount-proc", "--kill-child", "--fork"]
    done = subprocess.run(
        [*alone, "sh", "-c", WATCHED, "sh", sys.executable, "-m", "search.run", *arguments],
        env={**os.environ, "HOME": str(in_tmp)}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, Path("search.txt").read_text() + done.stderr
    listeners = {line.split()[3].rpartition(":")[0] for line in done.stdout.splitlines()}
    assert "gcs_server" in done.stdout  # Ray was seen
    assert "raylet" in done.stdout
    assert listeners <= {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}
    assert not (in_tmp / ".ray").exists()  # the token was never written
    # nor is anything left beside the database, without which it would lack what was written last
    assert [path.name for path in in_tmp.glob("mlflow.db*")] == ["mlflow.db"]

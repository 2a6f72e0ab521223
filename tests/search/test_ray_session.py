"""Ray that does not start, and clusters that are not there: one sentence, at once."""

import time
from pathlib import Path

import pytest
import ray
from ray._private import services

from search import ray_session
from search.errors import UserError
from search.ray_session import found_address, joined_ray, local_ray

pytestmark = pytest.mark.usefixtures("no_shared_ray")


def test_ray_that_does_not_come_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(**_: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because\nmore")

    monkeypatch.setattr(ray, "init", slow)
    told = r"Ray did not start on this machine \(The current node timed out.*try again$"
    with pytest.raises(UserError, match=told), local_ray():
        pytest.fail("it did")


@pytest.mark.parametrize("named", ["", "auto"])
def test_auto_is_the_cluster_that_was_started_here(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", named)
    monkeypatch.setattr(services, "find_bootstrap_address", lambda folder: "10.0.0.1:6379")
    assert found_address("auto") == "10.0.0.1:6379"
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.2:6379")
    assert found_address("auto") == "10.0.0.2:6379"
    assert found_address("10.0.0.3:6379") == "10.0.0.3:6379"


def test_a_search_of_this_machine_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray takes any process that looks like its own for a cluster, and asks one that never answers for minutes."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(services, "find_bootstrap_address", lambda folder: None)
    monkeypatch.setattr(services, "find_gcs_addresses", lambda: pytest.fail("any process was taken for a cluster"))
    with pytest.raises(UserError, match=r"there is no Ray cluster at cluster\.address=auto"), joined_ray("auto"):
        pytest.fail("it was joined")


def test_an_address_that_does_not_answer_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(UserError, match="there is no Ray cluster"), joined_ray("auto"):
        pytest.fail("it was joined")
    assert time.monotonic() - started < ray_session.SECONDS_TO_ANSWER


def test_the_code_that_workers_get_is_ours(tmp_path: Path) -> None:
    shipped = ray_session.code_to_ship(tmp_path)
    assert {path.name for path in shipped.iterdir()} == {"models", "spaces", "search"}
    assert (shipped / "search" / "ray_session.py").read_text() == Path(ray_session.__file__).read_text()
    assert not list(shipped.rglob("__pycache__"))

"""The command: one sentence and status 2 for a mistake, before Ray starts."""

from pathlib import Path

import pytest
import ray
import torch

from search.run import main

pytestmark = pytest.mark.usefixtures("no_shared_ray")

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

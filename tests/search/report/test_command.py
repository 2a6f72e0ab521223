"""The command: what it writes, where, and what it says when it cannot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.artifacts import download_artifacts

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from report.conftest import Archive, parsed, trial
from search.data import DataRequest, load
from search.errors import UserError
from search.history import PastSearch
from search.report.__main__ import main
from search.tracking import NOTE_TAG

ONE = [trial("a", Candidate(BRNET, FAST))]


def note_of(search: PastSearch) -> str:
    note: str = search.client.get_run(search.parent.info.run_id).data.tags[NOTE_TAG]
    return note


def test_a_file_an_artifact_and_a_line_in_the_description(
    archive: Archive, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = archive.record(["space=branching", "dataset=mp", "rows=300"], ONE)
    run_id = search.parent.info.run_id
    ranking = note_of(search)
    for _ in range(2):
        assert main([f"run={run_id}", f"tracking.uri={archive.uri}", "output=pages/mine.html"]) == 0
    assert f"run {run_id}" in capsys.readouterr().out
    page = Path("pages/mine.html").read_text()
    uri = f"{search.parent.info.artifact_uri}/report.html"
    assert parsed(Path(download_artifacts(uri)).read_text()).text == parsed(page).text
    note = note_of(search)
    assert [line for line in note.splitlines() if line in ranking.splitlines()] == ranking.splitlines()
    assert note.count("report.html](") == 1
    assert f"python -m search.register run={run_id}" in note


def test_weights_that_are_gone_cost_only_their_part(
    archive: Archive, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = archive.record(["space=branching", "dataset=mp", "rows=300"], ONE)
    shutil.rmtree(Path(search.trials[0][1].info.artifact_uri.removeprefix("file://")))
    assert main([f"run={search.parent.info.run_id}", f"tracking.uri={archive.uri}"]) == 0
    said = "no longer among the artifacts"
    assert said in capsys.readouterr().out
    made = parsed(Path("report.html").read_text())
    assert made.problems == []
    assert said in made.text
    assert "worst-test" not in made.tables
    assert "ranking-table" in made.tables


def test_a_table_that_is_gone_or_changed(archive: Archive, in_tmp: Path) -> None:
    rows = load(DataRequest("mp", rows=40)).train
    lines = ["formula,gap", *(f"{formula},{y}" for formula, y in zip(rows.formulas, rows.y, strict=True))]
    table = in_tmp / "mine.csv"
    table.write_text("\n".join(lines) + "\n")
    search = archive.record(["space=branching", "dataset=csv", f"path={table}", "target=gap"], ONE)
    arguments = [f"run={search.parent.info.run_id}", f"tracking.uri={archive.uri}"]
    table.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UserError, match="no longer the one that was searched on"):
        main(arguments)
    table.unlink()
    with pytest.raises(UserError, match="cannot be loaded again"):
        main(arguments)
    assert not Path("report.html").exists()


def test_no_trial_has_ended(archive: Archive) -> None:
    search = archive.record(["space=branching", "dataset=mp", "rows=300"], [])
    with pytest.raises(UserError, match="no trial of the search"):
        main([f"run={search.parent.info.run_id}", f"tracking.uri={archive.uri}"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run=0123", "tracking.uri={uri}"], "run=0123 is no run"),
        (["run=latest", "tracking.uri=sqlite:///none.db"], "no MLflow store"),
        (["rnu=latest"], "did you mean run"),
        (["output={folder}"], "is a folder"),
        (["latest"], "write key=value"),
    ],
)
def test_mistakes_are_one_sentence(archive: Archive, in_tmp: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        main([argument.format(uri=archive.uri, folder=in_tmp) for argument in arguments])


def test_an_output_that_cannot_be_written(archive: Archive, in_tmp: Path) -> None:
    search = archive.record(["space=branching", "dataset=mp", "rows=300"], ONE)
    Path("file").write_text("")
    arguments = [f"run={search.parent.info.run_id}", f"tracking.uri={archive.uri}"]
    with pytest.raises(UserError, match=r"output=file/report\.html cannot be written"):
        main([*arguments, "output=file/report.html"])


def test_the_module_is_the_command(in_tmp: Path) -> None:
    command = [sys.executable, "-m", "search.report"]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert "run=" in shown
    assert "output=" in shown
    refused = subprocess.run([*command, "rnu=1"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("search.report: rnu=1 cannot be set")

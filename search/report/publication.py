"""A report goes to a file and to MLflow: an artifact of the parent run, and a line in its description."""

from __future__ import annotations

from pathlib import Path

from mlflow.exceptions import MlflowException

from search.errors import UserError
from search.history import PastSearch
from search.tracking import NOTE_TAG

ARTIFACT = "report.html"
LINE_START = "Report: "


def write_file(html: str, output: Path) -> None:
    """Write the page. Raises UserError where it cannot be written."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(html, encoding="utf-8")
    except OSError as error:
        raise UserError(f"output={output} cannot be written: {error.strerror}") from error


def publish(html: str, search: PastSearch) -> None:
    """The page as an artifact of the parent run, named in its description. Raises UserError where MLflow refuses."""
    client, info = search.client, search.parent.info
    try:
        client.log_text(info.run_id, html, ARTIFACT)
        note = search.parent.data.tags.get(NOTE_TAG, "")
        client.set_tag(info.run_id, NOTE_TAG, with_report(note, info.experiment_id, info.run_id))
    except (MlflowException, OSError) as error:
        raise UserError(f"MLflow did not take the report: {str(error).splitlines()[0]}") from error


def with_report(note: str, experiment_id: str, run_id: str) -> str:
    """A description (Markdown) with one line about the report after its first line, however often it is added."""
    kept = [line for line in note.splitlines() if not line.startswith(LINE_START)]
    link = f"[{ARTIFACT}](#/experiments/{experiment_id}/runs/{run_id}/artifacts/{ARTIFACT})"
    line = (
        f"{LINE_START}{link}, an artifact of this run. "
        f"Take the winner into use with `python -m search.register run={run_id}`."
    )
    # MLflow's page folds a description after a few lines: behind the ranking nobody would see it.
    return "\n".join([*kept[:1], line, *kept[1:]]) + "\n"

"""The command that writes a search, or a table of its trials: `python -m search.export run=latest file=search.zip`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from search.arguments import read_arguments, run_command, usage
from search.errors import UserError
from search.group_settings import Setting
from search.readers import STORE, TEXT
from search.settings import DEFAULT_URI

NAME = "search.export"
SETTINGS = {
    "run": Setting(TEXT, "the search: latest, its run's id in MLflow, its name or its folder; latest if left out"),
    "file": Setting(
        TEXT, "the file to write: search.zip, or trials.csv for a table of the trials without their weights"
    ),
    "tracking.uri": Setting(STORE, f"where MLflow keeps its runs; {DEFAULT_URI} if left out"),
}
HELP = usage(
    NAME,
    "a search with its trials and their weights as one file, for python -m search.import_run on another machine",
    ["python -m search.export run=latest file=search.zip", "python -m search.export run=latest file=trials.csv"],
    SETTINGS,
)


def main(arguments: Sequence[str]) -> int:
    """Exit status 0; raises UserError for what cannot be exported."""
    values, _ = read_arguments(arguments, SETTINGS)
    if "file" not in values:
        raise UserError("which file? Say file=search.zip.")
    file, run, uri = Path(values["file"]), values.get("run", "latest"), values.get("tracking.uri", DEFAULT_URI)
    # MLflow takes seconds to import: a typing error need not wait for it.
    if file.suffix == ".csv":
        run_id, count = import_module("search.trial_table").write_table(run, uri, file)
        print(f"{file}: the search {run_id} in {count} lines under the headings")
        return 0
    run_id, count = import_module("search.transport").pack(run, uri, file)
    print(f"{file} ({file.stat().st_size / 1e6:.1f} MB): the search {run_id} in {count} runs")
    print(f"python -m search.import_run {shlex.quote(f'file={file}')}    # there")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(NAME, main, HELP))

"""The command that reports: `python -m search.report run=latest`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from search.arguments import TABLE, read_arguments, run_command, usage
from search.errors import UserError
from search.group_settings import Setting
from search.readers import STORE, TEXT
from search.settings import DEFAULT_URI

NAME = "search.report"
DEFAULT_OUTPUT = "report.html"
SETTINGS = {
    "run": Setting(TEXT, "the search: latest, its run's id in MLflow (a trial's leads to it), its name or its folder"),
    "tracking.uri": Setting(STORE, f"where MLflow keeps its runs; {DEFAULT_URI}, in this folder, if not given"),
    **TABLE,
    "output": Setting(TEXT, f"the file to write; {DEFAULT_OUTPUT} if not given"),
}
HELP = usage(
    NAME,
    "a search as one HTML page, also an artifact of its run in MLflow",
    ["python -m search.report run=latest", "python -m search.report run=0a1b2c output=reports/branching.html"],
    SETTINGS,
)


def main(arguments: Sequence[str]) -> int:
    """Exit status 0; raises UserError for what cannot be reported."""
    values, _ = read_arguments(arguments, SETTINGS)
    output = Path(values.get("output", DEFAULT_OUTPUT))
    if output.is_dir():
        raise UserError(f"output={output} is a folder: name a file in it")
    table = {name: values[name] for name in TABLE if name in values}
    # MLflow and torch take seconds to import: a typing error need not wait for them.
    making = import_module("search.report.making")
    return int(making.make(values.get("run"), values.get("tracking.uri"), table, output))


if __name__ == "__main__":
    sys.exit(run_command(NAME, main, HELP))

"""The command that takes an exported search into this MLflow store: `python -m search.import_run file=search.zip`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from search.arguments import read_arguments, run_command, usage
from search.errors import UserError
from search.group_settings import Setting
from search.readers import STORE, TEXT
from search.settings import DEFAULT_URI

NAME = "search.import_run"
SETTINGS = {
    "file": Setting(TEXT, "what python -m search.export has written"),
    "tracking.uri": Setting(STORE, f"the store to take it into; {DEFAULT_URI} if left out"),
}
HELP = usage(
    NAME,
    "an exported search into MLflow, to be reported, registered or reproduced from as if it had run here",
    ["python -m search.import_run file=search.zip"],
    SETTINGS,
)


def main(arguments: Sequence[str]) -> int:
    """Exit status 0; raises UserError for what cannot be imported."""
    values, _ = read_arguments(arguments, SETTINGS)
    if "file" not in values:
        raise UserError("which file? Say file=search.zip.")
    # MLflow takes seconds to import: a typing error need not wait for it.
    transport = import_module("search.transport")
    run_id, count = transport.unpack(Path(values["file"]), values.get("tracking.uri", DEFAULT_URI))
    command = import_module("search.resume").command_of(
        "search.report", f"run={run_id}", values.get("tracking.uri", DEFAULT_URI)
    )
    print(f"the search is in {count} runs here: {command}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(NAME, main, HELP))

"""From a run in MLflow to a written and published report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.history import LATEST, open_search
from search.report.evidence import gather
from search.report.page import page
from search.report.publication import ARTIFACT, publish, write_file
from search.report.residuals import missing_words
from search.settings import DEFAULT_URI


def make(run: str | None, uri: str | None, table: Mapping[str, Any], output: Path) -> int:
    """Report a search, the latest if none is named; the exit status. Raises UserError."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    search = open_search(run or LATEST, uri or DEFAULT_URI)
    evidence = gather(search, table)
    html = page(evidence)
    write_file(html, output)
    publish(html, search)
    if not evidence.has_predictions:
        print(missing_words(evidence))
    print(
        f"{output} ({len(html) / 1e6:.1f} MB), also {ARTIFACT} among the artifacts of run {evidence.run_id} in MLflow"
    )
    return 0

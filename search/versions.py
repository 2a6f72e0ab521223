"""Which code and which libraries a result is of."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

TRAINING_CODE = "training code"
NOT_OF_TRAINING = ("timing.py", "ensemble.py", "packing.py", "memory.py", "published.py")
"""Modules of models/ that have no part in what a trial comes to; members of a pack are as they would be alone."""
OF_ESTIMATORS = ("fitting.py", "estimators.py")
"""Modules of search/ by which traditional models are fitted."""


@cache
def code_version() -> str:
    """The commit the code is at, marked where files were changed, or the installed version."""
    here = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version("branchsearch")


@cache
def training_code() -> str:
    """A digest of the code that decides what a trial comes to. Other changes leave its results as they were."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    ours = [path for path in sorted((root / "models").glob("*.py")) if path.name not in NOT_OF_TRAINING]
    tables = sorted((root / "models").glob("*.csv"))
    for path in (*ours, *tables, *(root / "search" / name for name in OF_ESTIMATORS)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def versions() -> dict[str, str]:
    """Of our code and of the libraries that decide a result's bits."""
    ours = {"branchsearch": code_version(), TRAINING_CODE: training_code()}
    return ours | {name: version(name) for name in ("torch", "numpy", "optuna", "ray")}


def versions_since(before: Mapping[str, str]) -> dict[str, str]:
    """Those of a search that goes on; where its training code was another, both, which is that of no other search."""
    now, old = versions(), before.get(TRAINING_CODE, "")
    if old and old != now[TRAINING_CODE]:
        same = old.endswith(now[TRAINING_CODE])  # of a search that went on with it before
        now[TRAINING_CODE] = old if same else f"{old}, {now[TRAINING_CODE]}"
    return now

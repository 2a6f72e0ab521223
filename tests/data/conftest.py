"""What the data tests share: a cache of each test's own, no data folder but a named one, and small tables."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.data import DataRequest

WriteCsv = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; the data folder of the environment is out of sight."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BRANCHSEARCH_CACHE", str(folder))
    monkeypatch.delenv("BRANCHSEARCH_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real tables, named by BRANCHSEARCH_DATA (taken before `cache` hides it)."""
    named = _NAMED
    if not named or not Path(named).is_dir():
        pytest.skip("needs the real tables: set BRANCHSEARCH_DATA to the folder laid out as <dataset>/<property>.csv")
    return Path(named)


_NAMED = os.environ.get("BRANCHSEARCH_DATA")


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Writes lines, or bytes, to a file and gives its path."""

    def write(*lines: str, name: str = "table.csv", content: bytes | None = None) -> Path:
        path = tmp_path / name
        path.write_bytes(content if content is not None else ("\n".join(lines) + "\n").encode())
        return path

    return write


Parts = dict[str, dict[str, float]]
"""The tables of a split that is given: train, val or test -> formula -> value."""

PARTS: Parts = {
    "train": {f"Fe{n}O": n / 10 for n in range(1, 31)} | {"NaCl": 1.0, "KCl": 2.0},
    "val": {"NaCl": 1.1, "LiCl": 3.0, "LiF": 4.0},
    "test": {"K2Cl2": 2.1, "LiF": 4.1, "CsI": 900.0},
}
"""Some of the compositions are in two tables."""


def write_parts(folder: Path, parts: Parts = PARTS) -> dict[str, str]:
    """Writes each table to a file of its name; their paths."""
    paths = {name: folder / f"{name}.csv" for name in parts}
    for name, rows in parts.items():
        lines = [f"{formula},{value}" for formula, value in rows.items()]
        paths[name].write_text("\n".join(["formula,target", *lines]) + "\n")
    return {name: str(path) for name, path in paths.items()}


def own_tables(folder: Path, parts: Parts = PARTS, **more: Any) -> DataRequest:
    """What asks for a split by tables of one's own, written to `folder`."""
    paths = write_parts(folder, parts)
    tables = {"validation_table": paths["val"], "test_table": paths["test"]}
    return DataRequest("csv", path=paths["train"], target="target", **{**tables, **more})

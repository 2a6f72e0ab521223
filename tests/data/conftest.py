"""What the data tests share: a cache of each test's own, no data folder but a named one, and small tables."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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

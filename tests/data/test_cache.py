import logging
import stat
from pathlib import Path

import numpy as np
import pytest

from search.data import DataRequest, load
from search.data.cache import cache_folder, load_cleaned, save

from .conftest import WriteCsv


@pytest.fixture
def request_of_csv(write_csv: WriteCsv) -> DataRequest:
    path = write_csv("formula,gap", *(f"Fe{n}O{m},{n / m}" for n in range(1, 9) for m in range(1, 9)))
    return DataRequest("csv", path=str(path), target="gap")


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.table")
    return path


@pytest.mark.parametrize("place", [0, 31, 32, 40, 300, -200, -1])
def test_a_flipped_bit_is_noticed_and_the_table_built_anew(
    request_of_csv: DataRequest, cache: Path, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    first = load(request_of_csv)
    path = only_file(cache)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    again = load(request_of_csv)
    assert "damaged" in caplog.text
    np.testing.assert_array_equal(first.train.x, again.train.x)
    caplog.clear()
    load(request_of_csv)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize("length", [0, 10, 32, 1000])
def test_a_truncated_file_is_noticed(
    request_of_csv: DataRequest, cache: Path, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    first = load(request_of_csv)
    path = only_file(cache)
    path.write_bytes(path.read_bytes()[:length])
    assert load(request_of_csv).fingerprint == first.fingerprint
    assert "damaged" in caplog.text


def test_a_folder_in_the_files_place_is_lived_with(
    request_of_csv: DataRequest, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = load(request_of_csv)
    path = only_file(cache)
    path.unlink()
    path.mkdir()
    assert load(request_of_csv).fingerprint == first.fingerprint
    assert "cannot read" in caplog.text
    assert [entry.name for entry in cache.iterdir()] == [path.name], "a half-written file was left behind"


def test_a_cache_that_cannot_be_written_is_lived_with(
    request_of_csv: DataRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BRANCHSEARCH_CACHE", str(tmp_path / "file" / "cache"))
    assert len(load(request_of_csv).train) > 0
    assert "BRANCHSEARCH_CACHE" in caplog.text


def test_the_same_rows_come_back(request_of_csv: DataRequest, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load(request_of_csv)
    kept = load_cleaned(only_file(cache).stem)
    assert kept is not None
    assert len(kept.formulas) == len(kept.y) == len(kept.hashes) == kept.report.rows_kept
    assert load_cleaned("csv-unknown") is None
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_files_are_written_whole_and_readable(cache: Path) -> None:
    path = save("folder/name", b"content")
    assert path is not None
    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & stat.S_IRUSR
    assert list(path.parent.iterdir()) == [path]


def test_default_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BRANCHSEARCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "branchsearch"

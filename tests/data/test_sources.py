import logging
from pathlib import Path

import pytest

from search.data import DataRequest, load
from search.data.catalog import DATASETS
from search.data.downloads import UnavailableError
from search.errors import UserError

TABLE = "formula,{}\n" + "".join(f"Fe{n}O,{n}\n" for n in range(1, 30))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with OQMD's formation energies and a property that nobody knows."""
    (tmp_path / "data" / "oqmd").mkdir(parents=True)
    for name in ("formation_energy", "magnetisation"):
        (tmp_path / "data" / "oqmd" / f"{name}.csv").write_text(TABLE.format(name))
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> tuple[Path, bytes]:
        raise UnavailableError("no route to host")

    monkeypatch.setattr("search.data.crabnet.fetch", refuse)
    monkeypatch.setattr("search.data.crabnet.fetch_split", refuse)
    for source in ("jarvis", "materials_project", "oqmd"):
        monkeypatch.setattr(f"search.data.{source}.fetch", refuse)


def test_the_local_folder_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_argument = load(DataRequest("oqmd", data_dir=str(folder)))
    monkeypatch.setenv("BRANCHSEARCH_DATA", str(folder))
    by_variable = load(DataRequest("oqmd"))
    assert by_argument.fingerprint == by_variable.fingerprint
    assert (by_variable.report.rows_kept, by_variable.unit) == (29, "eV/atom")
    assert "lowest" in by_variable.report.merge_rule


def test_a_property_nobody_knows_can_be_in_the_folder(folder: Path) -> None:
    split = load(DataRequest("oqmd", "magnetisation", data_dir=str(folder)))
    assert (split.report.rows_kept, split.unit, split.target_name) == (29, "", "magnetisation")
    with pytest.raises(UserError, match="did you mean magnetisation"):
        load(DataRequest("oqmd", "magnetization", data_dir=str(folder)))


def test_the_shipped_table_serves_where_the_folder_lacks_it(folder: Path) -> None:
    assert "shipped" in load(DataRequest("mp", data_dir=str(folder), rows=100)).report.source


def test_a_variable_that_names_no_folder_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BRANCHSEARCH_DATA", "nowhere")
    with caplog.at_level(logging.WARNING):
        load(DataRequest("mp", rows=100))
    assert "BRANCHSEARCH_DATA names nowhere" in caplog.text


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        (dataset, name)
        for dataset in DATASETS
        for name in DATASETS[dataset]
        if (dataset, name) != ("mp", "formation_energy")
    ],
)
def test_offline_with_nothing_at_hand_names_the_ways_out(dataset: str, name: str) -> None:
    with pytest.raises(UserError) as caught:
        load(DataRequest(dataset, name))
    sentence = str(caught.value)
    measured = DATASETS[dataset][name]
    file = f"{name}/train" if measured.split_files else measured.of or name
    for part in (f"{dataset}/{file}.csv", "data_dir=", "BRANCHSEARCH_DATA", "dataset=mp", "no route to host", "with "):
        assert part in sentence
    assert sentence.count(".\n") == 0


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            DataRequest("jarvs"),
            "dataset=jarvs is unknown: did you mean jarvis? Valid are jarvis, mp, oqmd, crabnet, csv.",
        ),
        (DataRequest("OQMD"), "did you mean oqmd"),
        (DataRequest("oqmd", "bandgap"), "did you mean band_gap? Valid are formation_energy"),
        (DataRequest("oqmd", "../x"), "has no property=../x"),
        (DataRequest("csv", target="gap"), "add path="),
        (DataRequest("csv", path="a.csv"), "add target="),
        (DataRequest("mp", path="a.csv"), "belong to dataset=csv"),
        (DataRequest("mp", formula_column="x"), "belong to dataset=csv"),
        (DataRequest("mp", rows=2), "rows=2 is too few"),
        (DataRequest("mp", rows=-5), "rows=-5 is too few"),
        (DataRequest("mp", outliers=-1), "outliers=-1"),
        (DataRequest("mp", outliers=float("nan")), "outliers=nan"),
        (DataRequest("mp", data_dir="nowhere"), "data_dir=nowhere is no folder"),
        (DataRequest("csv", path="nowhere/x.csv", target="gap"), "nor is its folder"),
        (DataRequest("csv", path="a\0b", target="gap"), "cannot be read"),
    ],
)
def test_mistakes_end_in_one_sentence(
    request_: DataRequest, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        load(request_)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_mistyped_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "gaps.csv").write_text("")
    with pytest.raises(UserError, match=r"did you mean gaps\.csv"):
        load(DataRequest("csv", path=str(tmp_path / "gap.csv"), target="gap"))
    with pytest.raises(UserError, match="is a folder"):
        load(DataRequest("csv", path=str(tmp_path), target="gap"))

"""`search.reproduce` on real compositions in miniature: it trains what is missing, once, and tells ours from theirs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from search.errors import UserError
from search.parent_run import CONFIG_TAG
from search.reproduce import HELP, main

SMALL = ["dataset=mp", "rows=150", "recipe.epochs=1", "cpus_per_trial=1", "max_concurrent=1"]


@pytest.fixture(scope="module", autouse=True)
def _in_miniature(narrow_networks: None, shared_ray: None) -> Iterator[None]:
    # The grid as well: tests/search/test_fitting.py fits every family.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spaces.traditional.GRID", {"ridge": {"alpha": (1.0, 10.0)}, "extra_trees": {}})
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reproduce")


@pytest.fixture(autouse=True)
def _in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def runs(query: str) -> list[Run]:
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    found: list[Run] = client.search_runs([e.experiment_id for e in client.search_experiments()], query)
    return found


def searches() -> int:
    return len(runs(f"tags.`{CONFIG_TAG}` != ''"))


def test_what_a_table_decides_is_not_asked_for(in_tmp: Path) -> None:
    for arguments, sentence in (
        ([], "which table"),
        (["table=6"], "table=6 is not a whole number from 1 to 5"),
        (["table=²"], "table=² is not a whole number from 1 to 5"),
        (["figure=1"], "figure=1 is not"),
        (["table=1", "figure=2"], "which table"),
        (["table=1", "space=joint"], "space= is decided by the table"),
        (["table=1", "dataset=csv", "path=a"], "path= is decided by the table"),
        (["table=1", "rows=x"], "rows=x is not a whole number"),
        (["table=5", "train=a.csv"], "come together"),
        (["table=2", "components=true"], "with table=1"),
        (["table=1", "train=a.csv", "test=b.csv"], "belong to table=5"),
    ):
        with pytest.raises(UserError, match=sentence):
            main(arguments)
    assert list(in_tmp.iterdir()) == []
    assert "table=2" in HELP


def test_table_3_holds_networks_and_baselines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table=3", *SMALL, "trials=2"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("to be trained") < printed.index("3 networks x 1 seed,") < printed.index("1/3")
    page = Path("reproduction/table-3-mp.md").read_text()
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in page.splitlines() if "|" in line}
    for label, figure in (("Traditional ML", "0.178"), ("AutoML", "0.167"), ("ElemNet", "0.118"), ("BRNet", "0.106")):
        assert rows[label][1] == figure
        assert float(rows[label][3]) == pytest.approx(float(rows[label][2]) - float(figure), abs=1e-3)
    assert "150 compositions" in page
    assert "89,181 compositions (Materials Project, January 2021)" in page
    assert "Kendall's tau" in page
    assert "tested once" in page
    assert Path("reproduction/table-3-mp.html").read_text().startswith("<!DOCTYPE html>")
    tested = [run for run in runs("metrics.test_mae > 0") if "mlflow.parentRunId" in run.data.tags]
    networks = [run for run in tested if "family" not in run.data.params]
    assert len(networks) == 3
    best = min(r.data.metrics["best_validation_mae"] for r in runs("params.family != ''"))
    winners = runs("metrics.test_mae_seed_0 > 0")
    assert min(run.data.metrics["best_validation_mae"] for run in winners) == best


def test_nothing_is_trained_again_and_other_tables_share(capsys: pytest.CaptureFixture[str]) -> None:
    before, page = searches(), Path("reproduction/table-3-mp.md").read_text().splitlines()
    assert main(["table=3", *SMALL, "trials=2"]) == 0
    assert "nothing to be trained" in capsys.readouterr().out
    again = Path("reproduction/table-3-mp.md").read_text().splitlines()
    assert [line for line in again if line.startswith("|")] == [line for line in page if line.startswith("|")]
    assert searches() == before
    assert main(["figure=2", *SMALL]) == 0
    assert "1 network x 1 seed," in capsys.readouterr().out  # BNet, which table 3 has not
    assert searches() == before + 1
    names = {path.name for path in Path("reproduction").iterdir()}
    assert {"figure-2-mp.svg", "figure-2-mp.png", "curves-mp.svg", "curves-mp.png", "figure-2-mp.html"} <= names
    assert Path("reproduction/figure-2-mp.html").read_text().count("<svg") == 2


def test_other_settings_are_other_results(capsys: pytest.CaptureFixture[str]) -> None:
    before = searches()
    assert main(["table=1", *SMALL, "recipe.epochs=2", "seeds=2", "dry_run=true"]) == 0
    printed = capsys.readouterr().out
    assert "4 networks x 2 seeds" in printed
    assert main(["table=1", "components=true", *SMALL, "dry_run=true"]) == 0
    assert "every combination of components: 20 networks x 1 seed," in capsys.readouterr().out  # four are done
    assert searches() == before


def test_discovery_on_ones_own_tables(capsys: pytest.CaptureFixture[str]) -> None:
    elements = ["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Al"]
    train = [f"{a}{n}{b},{n - 2}" for a in elements for n, b in ((2, "O"), (3, "N"), (4, "C"))]
    Path("train.csv").write_text("\n".join(["formula,e", *train, "LiF,-3.0"]) + "\n")
    Path("test.csv").write_text("\n".join(["formula,e", *(f"{a}F,-3" for a in elements)]) + "\n")
    words = ["table=5", "train=train.csv", "test=test.csv", "target=e", "recipe.epochs=1", "trials=1"]
    assert main([*words, "dry_run=true"]) == 0
    printed = capsys.readouterr().out
    assert "test set: 10 compositions of test.csv; 1 of them left the training" in printed
    assert "(1 epoch of 27 rows)" in printed

"""Questions to a registered model: words, tables of any length, bad rows, mistakes; and the same answers over HTTP."""

import copy
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from services import ask_model, model_server
from shelf import Shelf

from models.ensemble import Ensemble
from search.data import ELEMENTS
from search.errors import UserError
from search.inference.asking import ROWS_AT_ONCE
from search.inference.predictor import COLUMNS, Predictor
from search.inference.registry import find_model, load_model, open_registry
from search.predict import HELP, main

ROWS = 40_000
"""More than two chunks."""


@pytest.fixture(scope="module")
def predictor(shelf: Shelf) -> Predictor:
    client = open_registry(shelf.uri)
    found = load_model(client, find_model(client, "small"))
    assert isinstance(found, Predictor)
    return found


def ask(shelf: Shelf, *arguments: str) -> None:
    assert main(["model=small", f"tracking.uri={shelf.uri}", *arguments]) == 0


def made_up(rows: int) -> list[str]:
    """Formulas of three random elements, reproducible."""
    rng = np.random.default_rng(5)
    chosen, amounts = rng.integers(0, 86, (rows, 3)), rng.integers(1, 9, (rows, 3))
    return [
        "".join(f"{ELEMENTS[e]}{n}" for e, n in zip(*row, strict=True)) for row in zip(chosen, amounts, strict=True)
    ]


def test_words_become_a_table(shelf: Shelf, predictor: Predictor, capsys: pytest.CaptureFixture[str]) -> None:
    ask(shelf, "NaCl", "K4[Fe(CN)6]", "Xx2O", "PoO")
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert "formation_energy (eV/atom)" in lines[0]
    answers = predictor.predict(["NaCl", "K4[Fe(CN)6]"])
    for line, formula, row in ((lines[1], "NaCl", 0), (lines[2], "K4[Fe(CN)6]", 1)):
        assert line.split()[:2] == [formula, f"{answers.value[row]:.4f}"]
        assert f"{answers.lower[row]:.4f} to {answers.upper[row]:.4f}" in line
    assert lines[3].split() == ["Xx2O", "unreadable", "formula"]
    assert "element outside the 86: Po" in lines[4]


def test_words_have_their_uncertainty_and_no_figure_where_there_is_none(
    shelf: Shelf, predictor: Predictor, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(shelf, "NaCl", "PoO", "Fe2O3")
    _, *lines = capsys.readouterr().out.splitlines()
    answers = predictor.predict(["NaCl", "PoO", "Fe2O3"])
    for row in (0, 2):
        assert lines[row].split()[5] == f"{answers.uncertainty[row]:.4f}"
    assert lines[1].split() == ["PoO", *answers.warning[1].split()]


def test_what_a_file_came_to_is_told(shelf: Shelf, in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two chunks, the last row of the second alone in it."""
    warned = next(formula for formula in made_up(1000) if "PuPu" not in formula and "Pu" in formula)
    formulas = ["NaCl", "Xx", "PoO", warned] + ["NaCl"] * (ROWS_AT_ONCE - 3)
    Path("in.csv").write_text("formula\n" + "\n".join(formulas) + "\n")
    ask(shelf, "input=in.csv", "output=out.csv")
    told = capsys.readouterr().err
    assert f"{len(formulas):,} compositions in " in told
    assert "2 without a value (its warning says why) and 1 others with a warning" in told
    assert "predicted is formation_energy in eV/atom; wrote out.csv" in told


def test_a_figure_is_written_with_six_digits(shelf: Shelf, predictor: Predictor, in_tmp: Path) -> None:
    ask(shelf, "NaCl", "Fe2O3", "output=out.CSV")
    found = pd.read_csv("out.CSV")
    answers = predictor.predict(["NaCl", "Fe2O3"])
    for name in COLUMNS[:-1]:
        np.testing.assert_allclose(found[name], getattr(answers, name), rtol=5e-6)
        assert all(len(f"{value}".strip("-0.").replace(".", "")) <= 6 for value in found[name])


def test_nothing_is_asked_for_a_file_that_cannot_be_written(in_tmp: Path) -> None:
    """The suffix is said before the store, of which there is none."""
    for arguments in (["NaCl", "output=out.xlsx"], ["NaCl", "output=no/out.csv"]):
        with pytest.raises(UserError, match="output="):
            main(["model=small", *arguments])


def test_words_to_a_file(shelf: Shelf, in_tmp: Path) -> None:
    ask(shelf, "NaCl", "Xx", "output=out.csv")
    table = pd.read_csv("out.csv")
    assert list(table.columns) == ["formula", *COLUMNS]
    assert table.formula.tolist() == ["NaCl", "Xx"]


def test_a_table_streams_to_what_it_is_at_once(
    shelf: Shelf, predictor: Predictor, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    formulas = made_up(ROWS)
    Path("in.csv").write_text("id,formula\n" + "".join(f"{n},{f}\n" for n, f in enumerate(formulas)))
    ask(shelf, "input=in.csv", "output=out.csv")
    table = pd.read_csv("out.csv", keep_default_na=False, na_values=[""])
    assert table.id.tolist() == list(range(ROWS))
    assert table.formula.tolist() == formulas
    expected = predictor.predict(formulas)
    for name in COLUMNS[:-1]:
        np.testing.assert_allclose(table[name], getattr(expected, name), rtol=1e-4, atol=1e-4)
    assert table.warning.fillna("").tolist() == expected.warning
    assert any("far" in text for text in expected.warning)
    assert f"{ROWS:,} compositions" in capsys.readouterr().err


def test_bad_rows_keep_their_cells_and_get_a_reason(shelf: Shelf, in_tmp: Path) -> None:
    lines = ["name;Formula;note", 'a;NaCl;"x;y"', "", "b;Xx;ü", "c;PoO;", "d;;z", "e;Fe2O3", "f;MgO;1;2", '"g\nh";CaO;']
    Path("in.csv").write_text("\r\n".join(lines) + "\r\n", encoding="cp1252")
    ask(shelf, "input=in.csv", "output=out.csv")
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["a", "b", "c", "d", "e", "f", "g\nh"]
    assert [row["note"] for row in rows[:2]] == ["x;y", "ü"]
    reasons = [row["warning"] for row in rows]
    assert reasons[1:4] == ["unreadable formula", "element outside the 86: Po", "empty formula"]
    assert reasons[4:6] == ["2 cells, not 3", "4 cells, not 3"]
    assert [bool(row["value"]) for row in rows] == [True, False, False, False, False, False, True]


def test_parquet_in_and_out_keeps_types(shelf: Shelf, predictor: Predictor, in_tmp: Path) -> None:
    formulas = ["NaCl", None, "Fe2O3"]
    table = pd.DataFrame({"composition": formulas, "value": [1, 2, 3], "when": pd.to_datetime(["2026-01-01"] * 3)})
    table.to_parquet("in.parquet")
    ask(shelf, "input=in.parquet", "output=out.parquet")
    found = pd.read_parquet("out.parquet")
    assert list(found.columns) == ["composition", "value", "when", "value_2", *COLUMNS[1:]]
    pd.testing.assert_frame_equal(found[["value", "when"]], table[["value", "when"]])
    assert found.value_2.isna().tolist() == [False, True, False]
    assert pyarrow.parquet.read_table("out.parquet")["value_2"].null_count == 1, "no value is null and not NaN"
    assert found.warning[1] == "formula is not text"
    assert found.value_2[2] == pytest.approx(predictor.predict(["Fe2O3"]).value[0], rel=1e-4)
    ask(shelf, "input=in.parquet", "output=out.csv")
    assert Path("out.csv").read_text().splitlines()[2].startswith(",2,2026-01-01")


def test_without_output_a_table_is_printed_as_csv(
    shelf: Shelf, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in.csv").write_text("my compound\tx\nNaCl\t1\n")
    ask(shelf, "input=in.csv", "formula_column=my compound")
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert rows[0] == ["my compound", "x", *COLUMNS]
    assert rows[1][:2] == ["NaCl", "1"]


def test_other_precision_is_near_and_not_the_same(shelf: Shelf, predictor: Predictor, in_tmp: Path) -> None:
    formulas = ["NaCl", "Fe2O3", "TiO2", "LiFePO4"]
    ask(shelf, *formulas, "output=out.csv", "precision=bfloat16")
    off = pd.read_csv("out.csv").value.to_numpy() - predictor.predict(formulas).value
    assert 1e-4 < np.abs(off).max() < 0.1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["NaCl"], "which model"),
        (["model=small"], "nothing to predict"),
        (["model=small", "NaCl", "input=in.csv"], "not both"),
        (["model=smal", "NaCl"], "did you mean small"),
        (["model=small@best", "NaCl"], "no alias best: its aliases are champion"),
        (["model=small/7", "NaCl"], "no version 7: its versions are 1"),
        (["model=a/b/c", "NaCl"], "no model's name"),
        (["model=small", "input=gone.csv"], "input=gone.csv cannot be read: No such file"),
        (["model=small", "input=in.csv", "formula_column=formla"], "did you mean formula"),
        (["model=small", "input=other.csv"], "its columns are a, b"),
        (["model=small", "input=empty.csv"], "is empty"),
        (["model=small", "input=book.xlsx"], "Excel workbook"),
        (["model=small", "input=in.csv", "output=no/out.csv"], "no folder no"),
        (["model=small", "input=in.csv", "output=out.xlsx"], "must end in .csv or .parquet"),
        (["model=small", "input=in.csv", "output=in.csv"], "overwrite the input"),
        (["model=small", "NaCl", "formula_column=x"], "add input="),
        (["model=small", "input=quote.csv", "output=out.csv"], "look for stray quotes"),
    ],
)
def test_mistakes_are_one_sentence(shelf: Shelf, in_tmp: Path, arguments: list[str], sentence: str) -> None:
    files = {"in.csv": "formula\nNaCl\n", "other.csv": "a,b\n1,2\n", "empty.csv": "", "book.xlsx": "PK\0\0"}
    files["quote.csv"] = 'formula\nNaCl\n"' + "x" * 1_100_000
    for name, text in files.items():
        Path(name).write_text(text)
    with pytest.raises(UserError) as mistake:
        main([f"tracking.uri={shelf.uri}", *arguments])
    assert sentence in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert {path.name for path in in_tmp.iterdir()} == set(files)


def test_the_input_is_not_overwritten_by_any_of_its_names(in_tmp: Path) -> None:
    """Said before the store, of which there is none."""
    (in_tmp / "within").mkdir()
    (in_tmp / "in.csv").write_text("formula\nNaCl\n")
    (in_tmp / "link.csv").symlink_to("in.csv")
    for output in ("in.csv", "./in.csv", "within/../in.csv", str(in_tmp / "in.csv"), "link.csv"):
        with pytest.raises(UserError, match="would overwrite the input: choose another file"):
            main(["model=small", "input=in.csv", f"output={output}"])


def test_no_store_here(in_tmp: Path) -> None:
    with pytest.raises(UserError, match="no MLflow store"):
        main(["model=small", "NaCl"])
    assert list(in_tmp.iterdir()) == []
    assert "tracking.uri=" in HELP


def test_damaged_model_is_said(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.inference.predictor.DOMAIN_FILE", "network-0.npz")
    with pytest.raises(UserError, match="is damaged"):
        main([f"tracking.uri={shelf.uri}", "model=small", "NaCl"])


def test_served_answers_are_those_of_predict(shelf: Shelf, in_tmp: Path) -> None:
    formulas, log = ["NaCl", "Fe2O3", "PoO", "K4[Fe(CN)6]"], Path("log")
    ask(shelf, *formulas, "output=out.csv")
    expected = pd.read_csv("out.csv")
    questions = ({"dataframe_records": [{"formula": f} for f in formulas]}, {"inputs": {"formula": formulas}})
    with model_server("small@champion", shelf.uri, log) as served:
        answers = [ask_model(served, question, log) for question in questions]
    for rows in answers:
        assert [row["formula"] for row in rows] == formulas
        for name in COLUMNS[:-1]:
            found = np.array([row[name] for row in rows], dtype=np.float64)
            np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-5)
        assert [row["warning"] for row in rows] == expected.warning.fillna("").tolist()


def test_no_interval_reaches_below_the_floor(shelf: Shelf) -> None:
    networks = [copy.deepcopy(network) for network in list(shelf.networks.values())[:2]]
    for network in networks:
        network.architecture = replace(network.architecture, floor=-1.0)
        network.floor = -1.0
    answers = Predictor.of(Ensemble(networks), shelf.split, {}).predict_fractions(shelf.split.test.x)
    assert answers.value.min() == answers.lower.min() == -1.0
    assert (answers.upper > answers.lower).all()

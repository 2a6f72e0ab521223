"""Tables of formulas to predict are read as tables to train on are: no row goes missing without a word."""

import gzip
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from search.data.table import Columns, read_table
from search.errors import UserError
from search.inference.rows import open_input


def formulas_of(path: Path, content: str) -> list[str]:
    path.write_text(content, encoding="utf-8", newline="")
    return [formula for chunk in open_input(path, None).chunks() for formula in chunk.formulas]


def test_a_quote_that_is_not_closed_is_said_and_swallows_no_row(tmp_path: Path) -> None:
    rows = [f'{n},"NaCl' if n == 500 else f"{n},NaCl" for n in range(1000)]
    with pytest.raises(UserError, match="line 1001: not readable as CSV"):
        formulas_of(tmp_path / "in.csv", "\n".join(["id,formula", *rows]) + "\n")
    with pytest.raises(UserError, match="line 2: not readable as CSV"):
        formulas_of(tmp_path / "in.csv", 'id,"formula\nNaCl,1\n')


def test_a_quote_that_another_closes_far_below_is_said(tmp_path: Path) -> None:
    swallowed = "".join(f"MgO,{n}\n" for n in range(40))
    for content in (f'formula,gap\n"CaO,2\n{swallowed}KCl",3\n', f'formula,gap\nNaCl,"2\n{swallowed}KCl",3\n'):
        with pytest.raises(UserError, match="line 2: a quote is opened"):
            formulas_of(tmp_path / "in.csv", content)


@pytest.mark.parametrize(
    "content",
    [
        'id, formula, gap\n1, "NaCl", 5\n2, "KCl", 4\n',
        '"sample\nno.",formula,gap\n1,NaCl,5\n2,KCl,4\n',
        "   \nid,formula,gap\n1,NaCl,5\n2,KCl,4\n",
        ",,\nid,formula,gap\n1,NaCl,5\n2,KCl,4\n",
        "id;formula;gap\n1;NaCl;5\n;;\n2;KCl;4\n;;\n",
    ],
)
def test_what_can_be_trained_on_can_be_predicted(tmp_path: Path, content: str) -> None:
    trained = read_table(tmp_path / "in.csv", content.encode(), Columns(("gap",)))
    assert formulas_of(tmp_path / "in.csv", content) == trained.formulas == ["NaCl", "KCl"]


def test_an_empty_cell_that_is_the_whole_row_stays_a_row(tmp_path: Path) -> None:
    assert formulas_of(tmp_path / "in.csv", 'formula\nNaCl\n""\nKCl\n\n') == ["NaCl", "", "KCl"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_every_encoding_that_a_spreadsheet_writes_is_read(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    path = tmp_path / "in.csv"
    path.write_bytes((mark + "formula;note\nNaCl;Glück\nKCl;é").encode(encoding))
    table = open_input(path, None)
    assert table.names == ["formula", "note"]
    (chunk,) = table.chunks()
    assert chunk.columns == [["NaCl", "KCl"], ["Glück", "é"]]


def test_rows_are_counted_whether_or_not_the_last_line_ends(tmp_path: Path) -> None:
    for ending in ("", "\n"):
        (tmp_path / "in.csv").write_text("formula\nNaCl\nKCl" + ending)
        assert open_input(tmp_path / "in.csv", None).rows == 2


def test_two_columns_of_formulas_are_said(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("formula,formula\nNaCl,KCl\n")
    with pytest.raises(UserError, match="more than one column formula"):
        open_input(tmp_path / "in.csv", None)


@pytest.mark.parametrize("names", ["Formula,Formula", "Chemical Formula,Chemical\u00a0Formula", "r\u00e9f,re\u0301f"])
def test_columns_of_formulas_that_look_alike_are_said_in_training_and_prediction(tmp_path: Path, names: str) -> None:
    (tmp_path / "in.csv").write_text(f"{names},gap\nNaCl,KCl,1\n", encoding="utf-8")
    asked = "r\u00e9f" if names.startswith("r") else None
    with pytest.raises(UserError, match="more than one column"):
        open_input(tmp_path / "in.csv", asked)
    with pytest.raises(UserError, match="more than one column"):
        read_table(tmp_path / "in.csv", (tmp_path / "in.csv").read_bytes(), Columns(("gap",), asked))


def test_names_that_tell_of_formulas_equally_well_are_asked_about(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Formula,formula,gap\nNaCl,KCl,1\n")
    told = "several columns of formulas, Formula and formula: name one with formula_column="
    with pytest.raises(UserError, match=told):
        open_input(tmp_path / "in.csv", None)
    with pytest.raises(UserError, match=told):
        read_table(tmp_path / "in.csv", (tmp_path / "in.csv").read_bytes(), Columns(("gap",)))
    assert open_input(tmp_path / "in.csv", "formula").formula_column == "formula"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'[{"formula": "NaCl", "gap": 5}]', "JSON"),
        (b'\xef\xbb\xbf{\n "formula": {"0": "NaCl"},\n "gap": {"0": 5}\n}', "JSON"),
        (b'{"formula": "NaCl", "gap": 5}\n{"formula": "KCl", "gap": 4}\n', "JSON"),
        (gzip.compress(b"formula,gap\nNaCl,5\n", mtime=0), "a file packed by gzip"),
        (b"PK\3\4\0\0", "an Excel workbook or a zip archive"),
        (b"\x7fELF\0\0", "a binary file"),
    ],
)
def test_what_is_no_table_is_named_in_training_and_prediction(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(UserError, match=f"in.csv is {kind}, not a table of text: save it as CSV or Parquet"):
        open_input(tmp_path / "in.csv", None)
    with pytest.raises(UserError, match=f"in.csv is {kind}, not a table of text: save it as CSV or Parquet"):
        read_table(tmp_path / "in.csv", content, Columns(("gap",)))


def test_parquet_is_known_by_its_content_and_read_whole(tmp_path: Path) -> None:
    formulas = [f"Na{n}Cl" for n in range(1, 40_001)]
    table = pyarrow.table({"formula": formulas})
    for name in ("in.parquet", "in.csv"):
        pyarrow.parquet.write_table(table, tmp_path / name, row_group_size=15_000)
        opened = open_input(tmp_path / name, None)
        assert opened.rows == 40_000
        assert [formula for chunk in opened.chunks() for formula in chunk.formulas] == formulas


@pytest.mark.parametrize(
    "cells",
    [
        pyarrow.array([2**62], pyarrow.timestamp("us")),
        pyarrow.array([-(10**6)], pyarrow.date32()),
        pyarrow.Array.from_buffers(pyarrow.string(), 1, pyarrow.array([b"\xff"]).buffers()),
    ],
)
def test_parquets_cells_that_python_cannot_hold_are_said(tmp_path: Path, cells: pyarrow.Array) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"formula": ["NaCl"], "when": cells}), tmp_path / "in.parquet")
    with pytest.raises(UserError, match=r"in\.parquet has a cell in column when that cannot be read \(.+\): mend or"):
        list(open_input(tmp_path / "in.parquet", None).chunks())
    with pytest.raises(UserError, match=r"in\.parquet is no readable Parquet file \(.+\)"):
        read_table(tmp_path / "in.parquet", (tmp_path / "in.parquet").read_bytes(), Columns(("when",)))


def test_a_row_of_another_width_keeps_its_first_cells_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("formula,gap,note\nNaCl,5\nKCl,4,x,y\nMgO,1,z\n")
    (chunk,) = open_input(tmp_path / "in.csv", None).chunks()
    assert chunk.columns == [["NaCl", "KCl", "MgO"], ["5", "4", "1"], ["", "x", "z"]]
    assert chunk.faults == {0: "2 cells, not 3", 1: "4 cells, not 3"}

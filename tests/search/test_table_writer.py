"""Tables are written so that every row and cell is read again as it was."""

import csv
from pathlib import Path

import pyarrow

from search.inference.table_writer import open_output


def test_a_lone_carriage_return_in_a_cell_ends_no_row(tmp_path: Path) -> None:
    notes = ["two\rlines", "\r", "two\r\nlines", "a,b"]
    schema = pyarrow.schema([("formula", pyarrow.string()), ("note", pyarrow.string())])
    with open_output(tmp_path / "out.csv", schema) as sheet:
        sheet.write([["NaCl"] * len(notes), notes])
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    assert rows == [["NaCl", note] for note in ("two\nlines", "\n", "two\r\nlines", "a,b")]

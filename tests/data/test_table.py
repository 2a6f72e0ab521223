import contextlib
import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.data.table import Columns, Table, read_table
from search.errors import UserError

PATH = Path("table.csv")
GAP = Columns(("gap",))


def read(text: str, columns: Columns = GAP, encoding: str = "utf-8") -> Table:
    return read_table(PATH, text.encode(encoding), columns)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_reads_what_spreadsheets_write(separator: str, encoding: str, newline: str) -> None:
    rows = [["id", "formula", "gap", "größe"], ["1", "NaN", "1.5", "x"], ["2", '"Fe2 O3"', "-2e-1", ""]]
    table = read(newline.join(separator.join(row) for row in rows) + newline, encoding=encoding)
    assert (table.formulas, table.values, table.lines) == (["NaN", "Fe2 O3"], ["1.5", "-2e-1"], [2, 3])
    assert (table.target, table.energies, table.malformed) == ("gap", None, [])


def test_decimal_commas_beside_semicolons() -> None:
    assert read("formula;gap\nNaCl;8,5\nFeO;2.4\n").values == ["8.5", "2.4"]


def test_decimal_commas_of_energies_are_read_too() -> None:
    table = read("formula;gap;e_form\nNaCl;8,5;-1,5\n")
    assert (table.values, table.energies) == (["8.5"], ["-1.5"])


def test_quotes_separators_and_line_breaks_in_cells_keep_line_numbers() -> None:
    table = read('\n\nformula,note,gap\nNaCl,"a, ""b""\nc",1\n\n , ,\nFeO,,2\n')
    assert (table.formulas, table.values, table.lines) == (["NaCl", "FeO"], ["1", "2"], [4, 8])


def test_rows_of_another_width_are_kept_apart() -> None:
    table = read("formula,gap\nNaCl,1\nFeO,2,3\nCaO\nMgO,4\n")
    assert table.formulas == ["NaCl", "MgO"]
    assert table.malformed == [(3, "FeO,2,3"), (4, "CaO")]


@pytest.mark.parametrize("name", ["formula", "Formula", "composition", "pretty_formula", "Chemical Formula"])
def test_formula_column_is_found_by_name(name: str) -> None:
    assert read(f"gap,{name}\n1,NaCl\n").formulas == ["NaCl"]


def test_formula_column_can_be_named_and_formula_goes_before_composition() -> None:
    assert read("what,gap\nNaCl,1\n", Columns(("gap",), "what")).formulas == ["NaCl"]
    assert read("composition,formula,gap\nx,NaCl,1\n").formulas == ["NaCl"]


@pytest.mark.parametrize(
    "name", ["formation_energy", "Formation Energy (eV/atom)", "e_form", "formation_energy_peratom"]
)
def test_formation_energy_is_recognised(name: str) -> None:
    beside = read(f"formula,gap,{name}\nNaCl,1,-2\n")
    assert (beside.energies, beside.energy_column, beside.target_is_energy) == (["-2"], name, False)
    target = read(f"formula,{name}\nNaCl,-2\n", Columns((name,)))
    assert (target.values, target.energies, target.target_is_energy) == (["-2"], None, True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\r\n ", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"\xef\xbb\xbf,,\r\n,,\r\n", "is empty"),
        (b"formula,gap\n", "no rows"),
        (b'formula,gap,x\n"FeO,2,1\n' + b"CaO,3,1\n" * 30 + b'"\n', "line 2: a quote is opened"),
        (b"formula,Gap\nNaCl,1\n", "no column gap: did you mean Gap"),
        (b"formula,band_gap,x\nNaCl,1,2\n", "did you mean band_gap? Its columns are formula, band_gap, x"),
        (b"name,gap\nNaCl,1\n", "formula_column=; its columns are name, gap"),
        (b"formula,gap,gap\nNaCl,1,2\n", "more than one column gap"),
        (b"PK\3\4\0\0\0", "Excel workbook"),
        (b"\x7fELF\0\0", "binary file"),
        (b"\xff\xfe\x00", "not text"),
        (b"\x81\x8d\n", "not text"),
        (b"PAR1 but not really", "no readable Parquet"),
        (b'formula,gap\nNaCl,1\n"FeO,2\nCaO,3\n', "line 3: not readable as CSV"),
        (b'formula,gap\n"FeO,2\n' + b"CaO,3\n" * 30 + b'",1\n', "line 2: a quote is opened"),
        (",".join(f"column{n}" for n in range(1000)).encode(), "column29."),
    ],
)
def test_what_is_no_table_says_so(content: bytes, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        read_table(PATH, content, GAP)
    assert sentence in str(caught.value)
    assert "table.csv" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_structure_file_in_a_quoted_cell_is_one_row() -> None:
    cif = "\n".join(f"_line_{n}   {n}, x, y" for n in range(40))
    table = read(f'formula,gap,cif\nNaCl,1,"{cif}"\nKCl,2,"{cif}"\n')
    assert (table.formulas, table.values, table.lines) == (["NaCl", "KCl"], ["1", "2"], [2, 42])


@pytest.mark.parametrize("first", [";;", '"two\nlines"', "   "])
def test_the_separator_is_that_of_the_header_not_of_what_stands_before_it_or_in_quotes(first: str) -> None:
    text = f"{first};formula;gap\n1;NaCl;2,5\n" if "two" in first else f"{first}\nno;formula;gap\n1;NaCl;2,5\n"
    assert read(text).values == ["2.5"]


def test_a_separator_is_none_within_brackets() -> None:
    assert read("formula;gap;gap (eV, PBE, 0 K)[a, b]\nNaCl;2,5;1\n").values == ["2.5"]
    assert read("formula,gap,phases (a;b;c;d)\nNaCl,2.5,1\n").values == ["2.5"]


@pytest.mark.parametrize("name", ["Hf", "EF", "E_F"])
def test_hafnium_and_the_fermi_energy_are_no_formation_energies(name: str) -> None:
    assert read(f"formula,gap,{name}\nHfO2,1,0.3\n").energies is None
    assert read("formula,gap,H_f\nHfO2,1,-3\n").energy_column == "H_f"


def test_a_unit_in_the_heading_hides_no_formation_energy_and_that_of_a_cell_is_none() -> None:
    assert read("formula,gap,E_form (eV/atom)\nHfO2,1,-3\n").energy_column == "E_form (eV/atom)"
    assert read("formula,gap,E_form (eV)\nHfO2,1,-3\n").energies is None
    assert read("formula,delta H (kJ/mol)\nHfO2,1\n", Columns(("delta H (kJ/mol)",))).target_is_energy is False


def test_a_named_formula_column_that_may_differ_is_found_by_name_where_it_is_not_there() -> None:
    columns = Columns(("gap",), "what", formula_may_differ=True)
    assert read("what,formula,gap\nNaCl,x,1\n", columns).formulas == ["NaCl"]
    assert read("formula,gap\nNaCl,1\n", columns).formulas == ["NaCl"]


def test_a_named_formula_column_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"formula_column.*did you mean formula"):
        read("formula,gap\nNaCl,1\n", Columns(("gap",), "formulae"))


def test_a_cell_of_ten_megabytes_is_a_row() -> None:
    table = read(f"formula,gap\n{'Fe' * 5_000_000},1\nNaCl,2\n")
    assert table.values == ["1", "2"]


def parquet(**columns: list[object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_reads_parquet() -> None:
    table = read_table(PATH, parquet(gap=[1.5, None, 2.0], e_form=[0.0, 1.0, None], formula=["NaN", None, "FeO"]), GAP)
    assert (table.formulas, table.values, table.energies) == (["NaN", None, "FeO"], [1.5, None, 2.0], [0.0, 1.0, None])
    assert table.lines == [1, 2, 3]


def test_damaged_parquet_says_so() -> None:
    content = parquet(gap=[1.5], formula=["NaN"])
    with pytest.raises(UserError, match="no readable Parquet"):
        read_table(PATH, content[:-20], GAP)
    with pytest.raises(UserError, match="did you mean gap"):
        read_table(PATH, content, Columns(("gaps",)))


@given(st.binary(max_size=300))
def test_no_bytes_crash(content: bytes) -> None:
    with contextlib.suppress(UserError):
        read_table(PATH, b"formula,gap\n" + content, GAP)


@given(st.lists(st.tuples(st.text(max_size=19), st.text(max_size=19)), min_size=1, max_size=8))
def test_every_row_is_accounted_for(rows: list[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("formula", "gap"), *rows])
    encoded = text.getvalue().encode(errors="replace")
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not filled or "\0" in text.getvalue():
        with pytest.raises(UserError):
            read_table(PATH, encoded, GAP)
        return
    table = read_table(PATH, encoded, GAP)
    assert len(table.formulas) + len(table.malformed) == len(filled)

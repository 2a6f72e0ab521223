"""Numbers and names of columns as they are written round the world: no spelling changes a value without a word."""

import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from search.data import DataRequest, load
from search.data.cleaning import NOT_A_NUMBER, clean
from search.data.table import Columns, Table, read_table
from search.errors import UserError
from search.inference.rows import open_input

from .conftest import WriteCsv

PATH = Path("table.csv")
GAP = Columns(("gap",))


def read(values: list[str], separator: str = ";", columns: Columns = GAP) -> Table:
    rows = [f'NaCl{separator}"{value}"' for value in values]
    return read_table(PATH, "\n".join([f"formula{separator}gap", *rows, ""]).encode(), columns)


@pytest.mark.parametrize("value", ["1,234,567", "1,234.5", "1.234,5", " -1,234.5e3"])
def test_separators_of_thousands_are_refused(value: str) -> None:
    with pytest.raises(UserError, match=rf"line 3: {value.strip()} in column gap has separators of thousands: write"):
        read(["8,5", value, "740"])


@pytest.mark.parametrize(
    "values",
    [["740", "11,307", "12,400"], ["740.5", "11,307"], ["\u221211,307", "85"], ["11,307", "1,5 eV", "2"]],
)
def test_commas_that_may_be_either_are_refused(values: list[str]) -> None:
    line = next(number for number, value in enumerate(values, start=2) if "," in value)
    with pytest.raises(UserError, match=rf"line {line}: \S+,\d+ in column gap may be \S+\.\d+ or \S+\d, as no comma"):
        read(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["11,307", "0,500"], ["11.307", "0.500"]),
        (["11,307", "1,25"], ["11.307", "1.25"]),
        (["11,307", "1234,567"], ["11.307", "1234.567"]),
        (["1,234", "2,345", "3,456"], ["1.234", "2.345", "3.456"]),
        (["8,5", "1,2,3", "3,4,", "3.1,4"], ["8.5", "1,2,3", "3,4,", "3.1,4"]),
        (["11,307e-1", "1,000"], ["11.307e-1", "1.000"]),
        (["8,5", "a, b", "7.5"], ["8.5", "a, b", "7.5"]),
        (["\u22128,5", ",5", "5,"], ["\u22128.5", ".5", "5."]),
    ],
)
def test_a_comma_that_can_only_be_decimal_makes_all_of_them_so_and_is_told(
    values: list[str], expected: list[str]
) -> None:
    table = read(values)
    assert table.values == expected
    assert table.notes == (f"commas in column gap are read as decimal commas, {values[0]} in line 2 as {expected[0]}",)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_points_that_may_be_of_thousands_beside_decimal_commas_are_refused(separator: str) -> None:
    with pytest.raises(
        UserError, match=r"line 4: 1\.234 in column gap may be 1\.234 or 1234, as no point of .* a comma"
    ):
        read(["0,5", "12,25", "1.234", "-2.500", "3"], separator)
    for clear in ("0.234", "1.2345", "1234.567", "7.5"):
        assert read(["0,5", "1.234", clear], separator).values == ["0.5", "1.234", clear]
    assert read(["1.234", "2.500", "3"], separator).values == ["1.234", "2.500", "3"]


def test_the_energies_commas_are_read_by_the_same_rules() -> None:
    text = "formula;gap;e_form\nNaCl;1;-2,5\nKCl;2;-1,5\n"
    assert read_table(PATH, text.encode(), GAP).energies == ["-2.5", "-1.5"]
    with pytest.raises(UserError, match="column e_form may be"):
        read_table(PATH, (text.replace(",5", ",500") + "LiF;3;0\n").encode(), GAP)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_decimal_commas_beside_commas_and_tabs(separator: str) -> None:
    table = read(["8,5", "0,125", "3"], separator)
    assert table.values == ["8.5", "0.125", "3"]
    assert "8,5 in line 2 as 8.5" in table.notes[0]
    for others in (["1,5", "1,234.5"], ["11,307", "12,400"], ["0", "20", "1,234"], ["8,5", "a, b"]):
        assert (read(others, separator).values, read(others, separator).notes) == (others, ())


def test_decimal_commas_of_texts_in_parquet(tmp_path: Path) -> None:
    columns = {"formula": ["NaCl", "KCl", "LiF"], "gap": ["8,5", None, "3"], "e_form": ["-2,5", "-1,5", "-3"]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    table = read_table(PATH, content, GAP)
    assert (table.values, table.energies) == (["8.5", None, "3"], ["-2.5", "-1.5", "-3"])
    assert table.notes[0] == "commas in column gap are read as decimal commas, 8,5 in line 1 as 8.5"
    assert read_table(PATH, content, Columns(("gap",), classes=True)).values == ["8,5", None, "3"]


def test_a_cell_of_a_million_digits_is_judged_at_once() -> None:
    assert read(["1" * 10**6 + ",", "1" * 10**6 + "x,", "2"]).values[2] == "2"


def test_the_report_tells_of_decimal_commas_in_every_table(write_csv: WriteCsv) -> None:
    rows = [f"{element}Cl;{number},5" for number, element in enumerate(["Li", "Na", "K", "Rb", "Cs", "Ag"])]
    trained = str(write_csv("formula;gap", *rows))
    test = str(write_csv("formula;gap", "MgO;1,25", "CaO;2", "BaO;3", name="test.csv"))
    summary = load(DataRequest("csv", path=trained, target="gap", test_table=test)).report.summary()
    assert "commas in column gap are read as decimal commas, 0,5 in line 2 as 0.5" in summary
    assert any("test.csv: commas in column gap" in line and "1,25 in line 2 as 1.25" in line for line in summary)


def test_true_minus_signs_are_minus_and_underscores_no_part_of_a_number() -> None:
    values: list[object] = ["\u22122.5", "-1\u22120", "1e\u22123", "113.078_0", "1_0", "7"]
    formulas: list[object] = ["NaCl", "KCl", "LiCl", "RbCl", "CsCl", "AgCl"]
    cleaned = clean(Table(formulas, values, list(range(2, 8)), None, "gap", None, False), "a test", "", 0.0)
    assert dict(zip(cleaned.formulas, cleaned.y.tolist(), strict=True)) == pytest.approx(
        {"NaCl": -2.5, "LiCl": 0.001, "AgCl": 7.0}
    )
    assert cleaned.report.rejected == {NOT_A_NUMBER: 3}
    assert "line 5: RbCl = 113.078_0" in [str(example) for example in cleaned.report.examples[NOT_A_NUMBER]]


@pytest.mark.parametrize("sign", ["\u2010", "\u2011", "\u2012", "\u2013", "\ufe63", "\uff0d"])
def test_what_looks_like_a_minus_sign_is_one(sign: str) -> None:
    assert read([f"{sign}8,5", "0,25"]).values == [f"{sign}8.5", "0.25"]
    values: list[object] = [f"{sign}8.5", f"1e{sign}3", f"1{sign}2"]
    cleaned = clean(Table(["NaCl", "KCl", "LiF"], values, [2, 3, 4], None, "gap", None, False), "a test", "", 0.0)
    assert sorted(cleaned.y.tolist()) == pytest.approx([-8.5, 0.001])


@pytest.mark.parametrize("asked", ["Größe (eV)", unicodedata.normalize("NFD", "Größe (eV)"), "Größe\u00a0(eV)"])
@pytest.mark.parametrize("written", ["Größe (eV)", unicodedata.normalize("NFD", "Größe (eV)"), "Größe\u00a0(eV)"])
def test_names_that_look_the_same_are_the_same(tmp_path: Path, asked: str, written: str) -> None:
    content = f"Stoff ä,{written}\nNaCl,1\nKCl,2\n".encode()
    columns = Columns((asked,), unicodedata.normalize("NFD", "Stoff ä"))
    table = read_table(PATH, content, columns)
    assert (table.formulas, table.values, table.target) == (["NaCl", "KCl"], ["1", "2"], "Größe (eV)")
    pq.write_table(pa.table({"Stoff ä": ["NaCl"], written: [1.0]}), tmp_path / "t.parquet")
    assert read_table(PATH, (tmp_path / "t.parquet").read_bytes(), columns).values == [1.0]
    (tmp_path / "in.csv").write_bytes(content)
    (chunk,) = open_input(tmp_path / "in.csv", columns.formula).chunks()
    assert chunk.formulas == ["NaCl", "KCl"]


@pytest.mark.parametrize(
    "written", ["Gap\n(eV)", "Gap \r\n(eV)", " Gap  (eV) ", "Gap\u202f(eV)", "\ufeffGap\u200b (eV)"]
)
def test_line_breaks_and_what_cannot_be_seen_in_a_heading_tell_no_names_apart(tmp_path: Path, written: str) -> None:
    content = f'formula,"{written}"\nNaCl,1\n'.encode()
    assert read_table(PATH, content, Columns(("Gap (eV)",))).target == "Gap (eV)"
    pq.write_table(pa.table({"formula": ["NaCl"], written: [1.0]}), tmp_path / "t.parquet")
    assert read_table(PATH, (tmp_path / "t.parquet").read_bytes(), Columns(("Gap (eV)",))).values == [1.0]
    with pytest.raises(UserError, match=r"did you mean Gap \(eV\)\? Its columns are formula, Gap \(eV\)\.$"):
        read_table(PATH, content, Columns(("Gap",)))


def test_an_energys_heading_of_two_lines_is_known() -> None:
    table = read_table(PATH, b'formula,gap,"E_form\n(eV/atom)"\nNaCl,1,"-2,5"\n', GAP)
    assert (table.energies, table.energy_column) == (["-2.5"], "E_form (eV/atom)")
    assert table.notes == ("commas in column E_form (eV/atom) are read as decimal commas, -2,5 in line 3 as -2.5",)


def test_two_columns_that_look_the_same_are_refused() -> None:
    with pytest.raises(UserError, match="more than one column Größe"):
        read_table(
            PATH, f"formula,Größe,{unicodedata.normalize('NFD', 'Größe')}\nNaCl,1,2\n".encode(), Columns(("Größe",))
        )


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;", "\n;;\nsep=;"])
def test_excels_line_that_names_the_separator_is_none_of_the_table(tmp_path: Path, first: str) -> None:
    content = f"{first}\nformula;gap;a, b, c, d\nNaCl;1,5;x\n".encode()
    table = read_table(PATH, content, GAP)
    assert (table.formulas, table.values) == (["NaCl"], ["1.5"])
    assert table.lines == [content.count(b"\n")]
    (tmp_path / "in.csv").write_bytes(content)
    opened = open_input(tmp_path / "in.csv", None)
    assert opened.names == ["formula", "gap", "a, b, c, d"]
    assert [chunk.formulas for chunk in opened.chunks()] == [["NaCl"]]


@pytest.mark.parametrize("separator", [",", "\t", "|"])
def test_every_separator_can_be_named(separator: str) -> None:
    assert read_table(PATH, f"sep={separator}\nformula{separator}gap\nNaCl{separator}1\n".encode(), GAP).values == ["1"]


@pytest.mark.parametrize("name", ["Formel", "formule", "Zusammensetzung", "Verbindung"])
def test_formulas_are_found_by_their_names_in_other_languages(name: str) -> None:
    assert read_table(PATH, f"gap,{name}\n1,NaCl\n".encode(), GAP).formulas == ["NaCl"]


def merged(rows: list[tuple[str, float]], energy: bool = False) -> tuple[str, ...]:
    formulas: list[object] = [formula for formula, _ in rows]
    values: list[object] = [value for _, value in rows]
    table = Table(formulas, values, list(range(len(rows))), None, "p", None, energy)
    return tuple(note for note in clean(table, "a test", "Pa", 0).report.notes if note.startswith("merged rows"))


def test_rows_of_one_composition_that_disagree_by_magnitudes_are_named() -> None:
    rows = [("NaCl", 1.0), ("Na2Cl2", 9.0), ("FeO", 0.35), ("Fe2O2", 350.0), ("KCl", -2.0), ("KCl", -20.0)]
    assert merged(rows) == (
        "merged rows of 2 compositions differ by a factor of 10 or more, most widely those of FeO: 0.35 to 350 Pa",
    )
    assert merged(rows[:4])[0].startswith("merged rows of 1 composition differ by a factor of 10 or more")
    assert merged(rows, energy=True) == ()  # the lowest is kept, whatever the others are
    assert merged([("NaCl", 0.0), ("NaCl", 5.0), ("KCl", -1.0), ("KCl", 50.0), ("LiF", 1e-320), ("MgO", 1.0)]) == ()
    assert "-1 to 1e-320" not in str(merged([("LiF", 1e-320), ("LiF", 1e30)]))
    assert merged([]) == ()


def test_amounts_of_elements_in_columns_of_their_own_are_told_how_to_be_written() -> None:
    told = r"no column of formulas but columns of elements \(Fe, Ni\): write their amounts, of atoms and not of weight"
    with pytest.raises(UserError, match=told):
        read_table(PATH, b"Fe,Ni,gap\n70,30,1\n", GAP)
    with pytest.raises(UserError, match="name it with formula_column="):
        read_table(PATH, b"what,I,gap\nNaCl,1,1\n", GAP)

"""Classes keep the names that a table gives them."""

from pathlib import Path

import pytest

from search.data import CleaningReport, DataRequest, load
from search.data.cleaning import MISSING, clean
from search.data.table import Columns, Table, read_table

ELEMENTS = ["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Al", "Zn", "Cd"]


def report_of(labels: list[object]) -> CleaningReport:
    formulas: list[object] = [f"Fe{n}O{n + 1}" for n in range(1, len(labels) + 1)]
    table = Table(formulas, labels, list(range(len(labels))), None, "kind", None, False)
    return clean(table, "a test", "", 5.0, classify=True).report


def test_a_comma_in_a_class_is_a_comma(tmp_path: Path) -> None:
    labels = ["P2,1", "P2.1", "1,234,567", "11,307", "12,400", "x"]
    rows = [f"{element}Cl;{labels[number % 6]}" for number, element in enumerate(ELEMENTS)]
    (tmp_path / "train.csv").write_text("\n".join(["formula;kind", *rows]) + "\n")
    (tmp_path / "test.csv").write_text("formula;kind\nZnO;P2,1\nCdO;P2.1\nMgO;11,307\n")
    asked = DataRequest("csv", path=str(tmp_path / "train.csv"), target="kind", task="classification")
    split = load(asked)
    assert split.classes == tuple(sorted(labels))
    assert split.report.notes == ()
    tested = load(DataRequest(**{**vars(asked), "test_table": str(tmp_path / "test.csv")}))
    named = {str(f): tested.classes[int(y)] for f, y in zip(tested.test.formulas, tested.test.y, strict=True)}
    assert named == {"ZnO": "P2,1", "CdO": "P2.1", "MgO": "11,307"}


def test_the_energies_beside_classes_may_have_decimal_commas() -> None:
    text = "formula;kind;e_form\nNaCl;1,5;-2,5\n"
    table = read_table(Path("t.csv"), text.encode(), Columns(("kind",), classes=True))
    assert (table.values, table.energies) == (["1,5"], ["-2.5"])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["4_1", "41", "41.0"], ("41", "4_1")),
        (["1_0", "10", "1e1", "10.0", "10.", 10, 10.0], ("10", "1e1", "1_0")),
        (["-1", "-1.0", "1", "+1", "1.50", "1.5"], ("-1", "+1", "1", "1.5", "1.50")),
        (["9" * 5000, "1"], ("1", "9" * 5000)),
        (["Nan", "2", "b", "a", "Infinity"], ("2", "Infinity", "Nan", "a", "b")),
    ],
)
def test_only_whole_numbers_are_one_class_in_all_their_spellings(
    labels: list[object], classes: tuple[str, ...]
) -> None:
    assert report_of(labels).classes == classes


def test_words_that_are_missing_numbers_are_classes_but_for_the_usual_spellings() -> None:
    kept = ["Na", "none", "None", "NONE", "-", "na", "Null"]
    missing = ["", " ", None, float("nan"), "NaN", "nan", "N/A", "n/a", "NA", "null", "NULL", "#N/A", "<NA>"]
    report = report_of([*kept, *missing])
    assert set(report.classes) == set(kept)
    assert report.rejected == {MISSING: len(missing)}


def test_classes_that_differ_by_case_alone_are_named_and_kept_apart() -> None:
    report = report_of(["no", "No", "yes", "YES", "Yes", "maybe"])
    assert len(report.classes) == 6
    sentence = "classes that differ by case alone are kept apart: No and no, YES and Yes and yes; "
    assert report.notes == (f"{sentence}spell them alike to make them one",)
    assert report.notes[0] in report.summary()
    assert CleaningReport.from_dict(report.to_dict()) == report
    assert report_of(["no", "yes"]).notes == ()


def test_a_class_of_many_digits_is_judged_at_once() -> None:
    assert report_of(["1" * 10**6 + "x", "2", "10", "2"]).classes == ("2", "10", "1" * 10**6 + "x")

"""Classes as a target: read off a band gap, or named in a table of one's own."""

from pathlib import Path

import numpy as np
import pytest

from search.data import DataRequest, load
from search.errors import UserError

ELEMENTS = ["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Al"]


def write(folder: Path, rows: list[str], name: str = "table.csv", column: str = "kind") -> str:
    (folder / name).write_text("\n".join([f"formula,{column}", *rows]) + "\n")
    return str(folder / name)


def test_metals_are_read_off_the_band_gap(tmp_path: Path) -> None:
    (tmp_path / "mp").mkdir()
    gaps = [f"{element}Cl,{0.0 if number % 3 else 1.5}" for number, element in enumerate(ELEMENTS)]
    write(tmp_path / "mp", gaps, "band_gap.csv", "band_gap")
    split = load(DataRequest("mp", "is_metal", data_dir=str(tmp_path)))
    assert (split.classes, split.unit, split.target_name, split.floor) == (("non-metal", "metal"), "", "is_metal", None)
    metals = {f"{element}Cl" for number, element in enumerate(ELEMENTS) if number % 3}
    for part in (split.train, split.validation, split.test):
        assert part.y.tolist() == [float(formula in metals) for formula in part.formulas]
    assert split.report.summary()[1].startswith("is_metal: 4 non-metal, 6 metal, ")
    gap = load(DataRequest("mp", "band_gap", data_dir=str(tmp_path)))
    assert (gap.classes, gap.floor, gap.unit) == ((), 0.0, "eV")
    assert gap.fingerprint != split.fingerprint


def test_a_small_gap_is_no_metal(tmp_path: Path) -> None:
    (tmp_path / "mp").mkdir()
    gaps = [f"Fe{n}O,{0.05 * (n % 3)}" for n in range(1, 31)]
    write(tmp_path / "mp", gaps, "band_gap.csv", "band_gap")
    split = load(DataRequest("mp", "is_metal", data_dir=str(tmp_path)))
    assert split.report.class_rows == (20, 10)


def test_classes_of_ones_own_table(tmp_path: Path) -> None:
    rows = [f"{element}Br,{'soft' if number % 2 else 'hard'}" for number, element in enumerate(ELEMENTS)]
    rows += ["Li2Br2,soft", "Li3Br3,soft", "ZnO,", "Xx,soft"]
    path = write(tmp_path, rows)
    split = load(DataRequest("csv", path=path, target="kind", task="classification"))
    assert split.classes == ("hard", "soft")
    found = {
        str(f): y
        for part in (split.train, split.validation, split.test)
        for f, y in zip(part.formulas, part.y, strict=True)
    }
    assert found["LiBr"] == 1.0  # by two to one
    assert found["KBr"] == 0.0
    assert split.report.class_rows == (4, 6)
    assert split.report.rejected == {"no value": 1, "unreadable formula": 1}
    with pytest.raises(UserError, match="0 usable"):
        load(DataRequest("csv", path=path, target="kind"))


def test_numbers_are_classes_in_their_order(tmp_path: Path) -> None:
    rows = [f"{element}I,{(number % 3) * 5}.0" for number, element in enumerate(ELEMENTS)]
    split = load(DataRequest("csv", path=write(tmp_path, rows), target="kind", task="classification"))
    assert split.classes == ("0", "5", "10")


@pytest.mark.parametrize("values", [["one"] * 10, [f"{number / 7}" for number in range(100)]])
def test_values_that_are_no_classes_are_refused(tmp_path: Path, values: list[str]) -> None:
    rows = [f"LiNa{number + 1},{value}" for number, value in enumerate(values)]
    with pytest.raises(UserError, match="a classification takes 2 to 50"):
        load(DataRequest("csv", path=write(tmp_path, rows), target="kind", task="classification"))


def test_values_below_the_floor_are_rejected(tmp_path: Path) -> None:
    rows = [f"{element}O,{number - 2}" for number, element in enumerate(ELEMENTS)]
    split = load(DataRequest("csv", path=write(tmp_path, rows), target="kind", floor=0.0))
    assert split.floor == 0.0
    assert split.report.rejected == {"below the least value that the target can have": 2}
    assert min(np.concatenate([part.y for part in (split.train, split.validation, split.test)])) == 0.0


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (DataRequest("mp", floor=0.0), "belong to dataset=csv"),
        (DataRequest("mp", task="classification"), "belong to dataset=csv"),
        (DataRequest("csv", path="a", target="b", task="clasification"), "did you mean classification"),
        (DataRequest("csv", path="a", target="b", task="classification", floor=0.0), "leave it out"),
        (DataRequest("mp", hold_out="perovskite"), "did you mean perovskites"),
    ],
)
def test_what_does_not_fit_is_refused(request_: DataRequest, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        load(request_)

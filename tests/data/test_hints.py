"""What is told of a target's values beyond their range, and when it is not."""

import numpy as np
import pytest

from search.data import DataRequest, load
from search.data.hints import hints

from .conftest import WriteCsv

FLOOR = "no value is negative: if none can be, floor=0 keeps predictions from being so"


@pytest.mark.parametrize(("values", "floor", "starts"), [
    ([0.0, 1.0, 2.0], None, ["no value is negative"]),
    ([0.0, 1.0, 2.0], 0.0, []),
    ([-0.1, 1.0, 2.0], None, []),
    ([1e-6, 1e-3, 1.0, 1e3], 0.0, ["the values span "]),
    ([1e-6, 1e-3, 1.0, 1e3], None, ["no value is negative", "the values span "]),
    ([1.0, 10.0, 900.0], 0.0, []),
    ([], None, []),
])  # fmt: skip
def test_what_could_be_done_better_is_told(values: list[float], floor: float | None, starts: list[str]) -> None:
    found = hints(np.array(values), floor)
    assert len(found) == len(starts)
    assert all(sentence.startswith(start) for sentence, start in zip(found, starts, strict=True))


def test_they_are_in_the_summary_of_a_table_of_ones_own(write_csv: WriteCsv) -> None:
    request = DataRequest(
        "csv", path=str(write_csv("formula,gap", *(f"Fe{n}O,{n}" for n in range(1, 31)))), target="gap"
    )
    assert FLOOR in load(request).report.summary()


def test_tables_of_parts_get_no_advice(write_csv: WriteCsv) -> None:
    rows = {name: [f"{metal}{n}O,{n - 20 * (name == 'a')}" for n in range(1, 31)] for name, metal in
            (("a", "Fe"), ("b", "Ni"), ("c", "Co"))}  # fmt: skip
    train, validation, test = (str(write_csv("formula,gap", *rows[name], name=f"{name}.csv")) for name in rows)
    request = DataRequest("csv", path=train, target="gap", validation_table=validation, test_table=test)
    assert "floor=0" not in str(load(request).report.summary())

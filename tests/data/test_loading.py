import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.data import DataRequest, Split, featurise, load
from search.data import reading as module
from search.data.hashing import composition_hashes
from search.errors import UserError

from .conftest import WriteCsv


def rows_of(split: Split) -> dict[str, float]:
    parts = (split.train, split.validation, split.test)
    return {name: value for part in parts for name, value in zip(part.formulas.tolist(), part.y.tolist(), strict=True)}


def same(one: Split, other: Split) -> bool:
    return one.fingerprint == other.fingerprint and all(
        np.array_equal(a.x, b.x) and np.array_equal(a.y, b.y) and np.array_equal(a.formulas, b.formulas)
        for a, b in zip((one.train, one.validation, one.test), (other.train, other.validation, other.test), strict=True)
    )


def check_invariants(split: Split) -> None:
    """What holds for every split, whatever its table."""
    hashes = []
    for part in (split.train, split.validation, split.test):
        assert part.x.dtype == part.y.dtype == np.float32
        assert part.x.shape == (len(part.y), 86)
        assert len(part.formulas) == len(part) >= 1
        assert np.isfinite(part.y).all()
        np.testing.assert_allclose(part.x.sum(axis=1), 1, atol=1e-5)
        sample = slice(0, 500)
        again = featurise(part.formulas[sample].tolist())
        np.testing.assert_array_equal(again.x, part.x[sample])
        hashes.append(composition_hashes(featurise(part.formulas.tolist())))
    # No composition on both sides, nor twice on one.
    every = np.concatenate(hashes)
    assert len(np.unique(every)) == len(every) == split.report.rows_kept
    shares = np.array([len(part) for part in hashes]) / len(every)
    np.testing.assert_allclose(shares, [0.81, 0.09, 0.10], atol=1.5 / len(every))
    report = split.report
    assert report.rows_in == report.rows_kept + report.merged + report.rows_rejected + report.left_out
    json.dumps(report.to_dict())


def test_shipped_table_needs_nothing(mp_table: Split) -> None:
    check_invariants(mp_table)
    assert (mp_table.target_name, mp_table.unit) == ("formation_energy", "eV/atom")
    assert mp_table.report.rows_kept == 85_014
    assert "shipped" in mp_table.report.source


@pytest.fixture
def mp_table() -> Split:
    return load(DataRequest("mp"))


def test_strata_are_the_numbers_of_elements(mp_table: Split) -> None:
    def shares(x: np.ndarray) -> np.ndarray:
        return np.bincount((x > 0).sum(axis=1), minlength=10)[1:8] / len(x)

    whole = shares(np.concatenate([mp_table.train.x, mp_table.validation.x, mp_table.test.x]))
    np.testing.assert_allclose(shares(mp_table.test.x), whole, atol=2 / len(mp_table.test))
    np.testing.assert_allclose(shares(mp_table.validation.x), whole, atol=2 / len(mp_table.validation))


def test_warm_equals_cold_and_reads_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    request = DataRequest("mp", rows=500)
    cold = load(request)

    def refuse(*_: object) -> None:
        pytest.fail("a cached table was read again")

    monkeypatch.setattr(module, "read_table", refuse)
    warm = load(request)
    assert same(cold, warm)
    assert cold.report == warm.report
    # Other seeds and sizes come out of the same cached table.
    other = load(DataRequest("mp", rows=400, split_seed=1))
    assert other.report.rows_kept == 400
    assert other.fingerprint != cold.fingerprint


def test_rows_draws_at_random_and_is_counted() -> None:
    split = load(DataRequest("mp", rows=1000))
    check_invariants(split)
    assert (split.report.rows_kept, split.report.left_out) == (1000, 84_014)
    assert set(rows_of(load(DataRequest("mp", rows=100)))) <= set(rows_of(split))


TABLE = [f"Fe{n}O{m},{(n - m) / 10}" for n in range(1, 12) for m in range(1, 12)]


def test_the_same_rows_in_another_order_or_form_are_the_same_data(write_csv: WriteCsv) -> None:
    one = load(DataRequest("csv", path=str(write_csv("formula,e_form", *TABLE)), target="e_form"))
    path = write_csv("e_form;comment;formula", *(";x;".join(row.split(",")[::-1]) for row in TABLE[::-1]), name="b.csv")
    other = load(DataRequest("csv", path=str(path), target="e_form"))
    assert same(one, other)
    check_invariants(one)
    assert (one.unit, one.target_name) == ("", "e_form")


def test_another_seed_draws_and_deals_otherwise(write_csv: WriteCsv) -> None:
    request = DataRequest("csv", path=str(write_csv("formula,e", *TABLE)), target="e")
    one, other = (load(replace(request, split_seed=seed)) for seed in (1, 2))
    assert set(one.test.formulas) != set(other.test.formulas)
    assert rows_of(one) == rows_of(other)
    few = [load(replace(request, split_seed=seed, rows=20)) for seed in (1, 2)]
    assert rows_of(few[0]) != rows_of(few[1])
    beside_a_family = [load(replace(request, split_seed=seed, hold_out="binaries")) for seed in (1, 2)]
    assert set(beside_a_family[0].validation.formulas) != set(beside_a_family[1].validation.formulas)


def test_a_change_of_the_file_is_seen(write_csv: WriteCsv) -> None:
    request = DataRequest("csv", path=str(write_csv("formula,e_form", *TABLE)), target="e_form")
    first = load(request)
    write_csv("formula,e_form", "Fe7O11,-77.0", *TABLE)
    second = load(request)
    assert rows_of(second)["Fe7O11"] == -77.0
    assert first.fingerprint != second.fingerprint
    assert load(DataRequest("csv", path=str(request.path), target="e_form", outliers=0)).report.outlier_rule.endswith(
        "(outliers=0)"
    )


def test_a_csv_with_every_kind_of_bad_row(write_csv: WriteCsv, caplog: pytest.LogCaptureFixture) -> None:
    bad = [",1", "Xx2,1", "PoO,1", "H0,1", "FeO", "FeO,1,2", "FeO,", "FeO,abc", "FeO,inf", "D2O,1", "nan,3"]
    path = write_csv("formula,gap", "NaN,1", "NaCl,8.5", *bad, "MgO,7", "Mg2O2,7.5", "CaO,6")
    with caplog.at_level(logging.INFO, "search.data"):
        split = load(DataRequest("csv", path=str(path), target="gap"))
    assert rows_of(split) == {"NaN": 1.0, "NaCl": 8.5, "MgO": 7.25, "CaO": 6.0}
    assert split.report.rows_rejected == len(bad)
    assert "line 5: Xx2 = 1" in caplog.text


def test_three_rows_are_enough_and_two_are_not(write_csv: WriteCsv) -> None:
    rows = ["NaCl,1", "FeO,2", "Fe2O2,2", "C,3"]
    split = load(DataRequest("csv", path=str(write_csv("formula,gap", *rows)), target="gap"))
    assert [len(part) for part in (split.train, split.validation, split.test)] == [1, 1, 1]
    with pytest.raises(UserError, match="2 usable compositions in 3 rows"):
        load(DataRequest("csv", path=str(write_csv("formula,gap", *rows[:3])), target="gap"))


def test_all_rows_rejected_says_why(write_csv: WriteCsv) -> None:
    path = write_csv("formula,gap", "Xx,1", "PoO,1", "FeO,abc")
    with pytest.raises(UserError) as caught:
        load(DataRequest("csv", path=str(path), target="gap"))
    for part in ("0 usable", "element outside the 86: Po (line 3: PoO = 1)", "line 4: FeO = abc", "unreadable formula"):
        assert part in str(caught.value)


def test_two_processes_at_once(cache: Path) -> None:
    program = "from search.data import DataRequest, load; print(load(DataRequest('mp', rows=50)).fingerprint)"
    environment = {**os.environ, "BRANCHSEARCH_CACHE": str(cache)}
    running = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert answers[0] == answers[1] == load(DataRequest("mp", rows=50)).fingerprint
    assert [path.suffix for path in cache.iterdir()] == [".table"]


def test_torch_ray_and_jarvis_stay_out() -> None:
    program = "import sys, search.data; print([name for name in ('torch', 'ray', 'jarvis') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"

"""What a search cost until it was within one per cent, by hand."""

import pytest

from benchmarks.search_cost import Cost, rows_of
from models.candidate import Candidate
from models.published import BNET
from models.recipe import FAST
from search.results import TrialResult


def cost(*trials: tuple[float, float, float]) -> Cost:
    """Of (best error, seconds, end) each."""
    results = [
        TrialResult(str(number), Candidate(BNET, FAST), 0, 5, 5, error, seconds, "all epochs", ended_at=end)
        for number, (error, seconds, end) in enumerate(trials)
    ]
    return Cost(results, 100.0)


def test_the_time_until_within_one_per_cent_is_that_of_all_trials_ended_by_then() -> None:
    grid = cost((0.2, 10, 1), (0.1, 10, 2), (0.3, 10, 3))
    asha = cost((0.1005, 5, 30), (0.2, 2, 10), (0.3, 1, 20), (0.1, 7, 40))
    rows = {row.case: row for row in rows_of(asha, grid)}
    needed = rows["training time until within 1 %"]
    assert (needed.ours, needed.baseline, needed.ratio) == pytest.approx((8, 30, 30 / 8))
    assert "best validation MAE (+0.00%, within 1 %)" in rows


def test_who_never_comes_so_near_has_no_such_time() -> None:
    rows = {row.case for row in rows_of(cost((0.102, 5, 1)), cost((0.1, 10, 1)))}
    assert "training time until within 1 %" not in rows
    assert "best validation MAE (+2.00%, NOT within 1 %)" in rows

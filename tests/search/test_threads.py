"""Parts side by side give what one thread gives, and leave torch as it was."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from search.inference.threads import side_by_side


@pytest.mark.parametrize("threads", [None, 1, 2, 5])
@pytest.mark.parametrize("rows", [0, 1, 10, 23])
def test_parts_cover_the_rows_in_order(rows: int, threads: int | None) -> None:
    parts = side_by_side(lambda part: list(range(rows))[part], rows, 10, threads)
    assert [len(part) for part in parts] == [10] * (rows // 10) + [rows % 10] * (rows % 10 > 0)
    assert [row for part in parts for row in part] == list(range(rows))


def test_threads_are_used_and_torchs_number_comes_back() -> None:
    before, meeting = torch.get_num_threads(), threading.Barrier(3, timeout=20)
    assert side_by_side(lambda part: meeting.wait() >= 0 and torch.get_num_threads(), 3, 1, 3) == [1, 1, 1]
    assert torch.get_num_threads() == before


def test_threads_that_start_later_have_torchs_own_number() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        side_by_side(lambda part: part, 3, 1, 3)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == before + 1
    finally:
        torch.set_num_threads(before)


def test_errors_come_through() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda part: 1 // part.start, 2, 1, 2)
    assert torch.get_num_threads() == before

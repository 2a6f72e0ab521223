"""Who goes on to more rows: the best third whatever the timing, one at least, and never more than a third."""

import itertools

import numpy as np
import pytest

from search.promotion import Rung, candidates_by_rung, finalists, next_promotion


def halve(errors: dict[str, list[float | None]], workers: int, seed: int = 0, at_once: bool = False,
          factor: int = 3) -> list[Rung]:  # fmt: skip
    """Trials that end in a random order; `errors` are a candidate's on each part, the smallest first."""
    order = np.random.default_rng(seed)
    rungs = [Rung() for _ in next(iter(errors.values()))]
    undrawn, running = list(errors), list[tuple[int, str]]()
    while True:
        while len(running) < workers:
            chosen = next_promotion(rungs, factor, not undrawn, at_once) if at_once or not undrawn else None
            if chosen is None and undrawn:
                chosen = 0, undrawn.pop(0)
            if chosen is None:
                break
            number, candidate = chosen
            assert candidate not in rungs[number].under_way
            assert candidate not in rungs[number].errors
            rungs[number].under_way.add(candidate)
            running.append(chosen)
        if not running:
            return rungs
        number, candidate = running.pop(int(order.integers(len(running))))
        rungs[number].under_way.discard(candidate)
        rungs[number].errors[candidate] = errors[candidate][number]


def noisy(count: int, seed: int) -> dict[str, list[float | None]]:
    values = np.random.default_rng(seed).random((count, 3))
    return {f"c{place}": [float(value) for value in row] for place, row in enumerate(values)}


@pytest.mark.parametrize("workers", [1, 3, 40])
@pytest.mark.parametrize("count", [9, 14, 27])
def test_the_best_third_of_each_part_goes_on_however_many_run_at_a_time(count: int, workers: int) -> None:
    errors = noisy(count, seed=count)
    rungs = halve(errors, workers, seed=workers)
    assert [len(rung.errors) for rung in rungs] == candidates_by_rung(count, 3, 3)
    for lower, upper in itertools.pairwise(rungs):
        assert set(upper.errors) == set(lower.ranked()[: len(lower.errors) // 3])


@pytest.mark.parametrize(("count", "expected"), [(1, [1, 1, 1]), (2, [2, 1, 1]), (8, [8, 2, 1]), (50, [50, 16, 5])])
@pytest.mark.parametrize("at_once", [False, True])
def test_one_at_least_comes_to_all_rows(count: int, expected: list[int], at_once: bool) -> None:
    rungs = halve(noisy(count, 1), workers=3, at_once=at_once)
    assert [len(rung.errors) for rung in rungs] == expected == candidates_by_rung(count, 3, 3)


def test_at_once_good_ones_go_on_before_all_are_drawn_and_the_best_is_among_them() -> None:
    first = Rung({"a": 0.3, "b": 0.2, "c": 0.1}, {"d", "e"})
    assert next_promotion([first, Rung(), Rung()], 3, is_drawn=False, at_once=True) == (1, "c")
    assert next_promotion([first, Rung({}, {"c"}), Rung()], 3, is_drawn=False, at_once=True) is None
    assert next_promotion([first, Rung(), Rung()], 3, is_drawn=False, at_once=False) is None
    for seed in range(5):
        errors: dict[str, list[float | None]] = {f"c{place}": [place / 10] * 3 for place in range(20)}
        drawn = [f"c{place}" for place in np.random.default_rng(seed).permutation(20)]
        assert "c0" in halve({name: errors[name] for name in drawn}, 4, seed, at_once=True)[-1].errors


def test_while_some_are_under_way_only_those_go_on_that_will_be_among_the_best() -> None:
    done = {f"c{place}": place / 10 for place in range(7)}
    sure = [Rung(dict(done), {"x", "y"}), Rung(), Rung()]
    assert next_promotion(sure, 3, is_drawn=True, at_once=False) == (1, "c0")
    sure[1].under_way.add("c0")
    assert next_promotion(sure, 3, is_drawn=True, at_once=False) is None, "x and y may be better than c1"
    sure[0].errors["x"] = None
    sure[0].under_way.discard("x")
    sure[0].errors["y"] = 0.9
    sure[0].under_way.discard("y")
    assert next_promotion(sure, 3, is_drawn=True, at_once=False) == (1, "c1"), "eight passed: two go on"


def test_one_that_fails_gives_its_place_to_the_next() -> None:
    errors: dict[str, list[float | None]] = {f"c{place}": [place / 10] * 3 for place in range(9)}
    errors["c1"][1] = errors["c0"][2] = errors["c8"][0] = None
    rungs = halve(errors, workers=2)
    assert set(rungs[0].passed) == {f"c{place}" for place in range(8)}
    assert rungs[1].errors == {"c0": 0.0, "c1": None, "c2": 0.2}, "eight passed: two places"
    assert rungs[2].errors == {"c0": None, "c2": 0.2}
    nothing = halve({name: [values[0], None, None] for name, values in errors.items()}, workers=2)
    assert len(nothing[1].errors) == 8
    assert not nothing[2].errors


def test_of_equal_ones_the_order_does_not_depend_on_who_ended_first() -> None:
    assert Rung({"b": 1.0, "c": 0.5, "a": 1.0}).ranked() == ["c", "a", "b"]


def test_all_go_on_where_all_are_kept() -> None:
    assert [len(rung.errors) for rung in halve(noisy(7, 0), workers=2, factor=1)] == [7, 7, 7]


def test_finalists_are_the_best_on_the_largest_part_first_and_take_no_place() -> None:
    first = Rung({"a": 0.1, "b": 0.2, "c": 0.3, "d": None})
    assert finalists([first, Rung({"b": 0.15, "c": 0.14}), Rung()]) == ["c", "b", "a"]
    assert finalists([first, Rung({"b": 0.15}, {"a"}), Rung({"c": None})]) == ["b"], "a is under way, c has failed"
    assert finalists([Rung(), Rung(), Rung()]) == []
    second = Rung({"x": 0.1, "y": 0.2, "z": 0.3})
    assert next_promotion([first, second, Rung({}, {"a"})], 3, is_drawn=False, at_once=True) == (2, "x")
    assert next_promotion([first, second, Rung({}, {"x"})], 3, is_drawn=False, at_once=True) == (1, "a")


def test_of_several_objectives_the_front_goes_on_once_all_are_known() -> None:
    """`cheap` has the highest error, and no other is as cheap."""
    errors = {"best": 0.1, "beaten": 0.2, "worse": 0.25, "cheap": 0.3, "poor": 0.35}
    costs = {"best": (9.0,), "beaten": (10.0,), "worse": (11.0,), "cheap": (1.0,), "poor": (12.0,)}
    first = Rung({**errors}, {"late"}, {**costs})
    assert first.ranked()[:2] == ["best", "cheap"]
    assert next_promotion([first, Rung()], 3, is_drawn=True, at_once=False) is None, "the late one may beat them all"
    first.under_way.discard("late")
    first.errors["late"], first.costs["late"] = 0.4, (13.0,)
    second = Rung()
    for expected in ("best", "cheap"):
        assert next_promotion([first, second], 3, is_drawn=True, at_once=False) == (1, expected)
        second.under_way.add(expected)
    assert next_promotion([first, second], 3, is_drawn=True, at_once=False) is None
    assert Rung({**errors}).ranked()[:2] == ["best", "beaten"]

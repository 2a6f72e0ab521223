"""Several objectives: the front is what no other point beats, in any number of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import UserError
from search.objectives import check_task, checked, dominated_by, front, ranked, values_of

POINTS = st.integers(1, 3).flatmap(
    lambda objectives: st.lists(st.tuples(*[st.integers(0, 6)] * objectives), min_size=1, max_size=12)
)


@given(POINTS)
def test_front_is_what_no_other_point_beats(points: list[tuple[int, ...]]) -> None:
    def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return one != other and all(a <= b for a, b in zip(one, other, strict=True))

    unbeaten = {n for n, point in enumerate(points) if not any(beats(other, point) for other in points)}
    values = [tuple(map(float, point)) for point in points]
    members = front(values)
    assert set(members) == unbeaten
    costs = [values[place][1:] for place in members]
    assert costs == sorted(costs)
    expected = [[beats(one, other) for other in points] for one in points]
    assert dominated_by(values).tolist() == expected


@given(POINTS)
def test_ranked_goes_front_after_front_and_begins_each_with_its_lowest_error(points: list[tuple[int, ...]]) -> None:
    values = [tuple(map(float, point)) for point in points]
    order = ranked(values)
    assert sorted(order) == list(range(len(values)))
    while order:
        left = [values[place] for place in order]
        members = {tuple(left[place]) for place in front(left)}
        count = len(front(left))
        assert {tuple(point) for point in left[:count]} == members
        assert left[0][0] == min(point[0] for point in members)
        order = order[count:]


def test_ranked_spreads_the_first_few_over_the_front() -> None:
    """Five near the lowest error, two far cheaper ones: these come before the near ones."""
    near = [(0.1 + n / 1000, 1e6 - 1e4 * n) for n in range(5)]
    assert ranked([*near, (0.3, 1e3), (0.2, 3e4)])[:3] == [0, 5, 6]
    assert ranked([(0.2, 1e3), (0.3, 1e3), (0.1, 1e4)]) == [2, 0, 1], "what is beaten comes last"
    assert ranked([]) == []


def test_costs_are_spread_by_their_ratio() -> None:
    assert ranked([(0.1, 1e6), (0.15, 5e5), (0.2, 1e4), (0.3, 1e2)])[:3] == [0, 3, 2]


@pytest.mark.parametrize("scheduler", ["asha", "hyperband"])
def test_seconds_are_no_objective_of_a_scheduler_that_stops_trials(scheduler: str) -> None:
    with pytest.raises(UserError, match=f"scheduler={scheduler} would make the trials that it stops look quick"):
        checked(("validation_mae", "training_seconds"), "hyperparameters", scheduler)


def test_values_stand_in_the_order_of_the_objectives() -> None:
    assert values_of(("validation_mae", "training_seconds", "parameters"), 0.1, 7, 2.5) == (0.1, 2.5, 7.0)
    assert values_of((), 0.1, None, 2.5) == (0.1,)


def test_the_error_has_to_be_the_one_that_the_target_is_judged_by() -> None:
    check_task(("validation_mae", "parameters"), "mae")
    check_task((), "cross_entropy")
    with pytest.raises(UserError, match=r"write objectives=\[validation_cross_entropy,parameters\]"):
        check_task(("validation_mae", "parameters"), "cross_entropy")

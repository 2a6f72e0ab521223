"""The front is what no other point beats."""

from hypothesis import given
from hypothesis import strategies as st

from search.report.pareto import front

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


@given(POINTS)
def test_front_is_what_no_other_point_beats(points: list[tuple[int, int]]) -> None:
    costs, errors = [float(cost) for cost, _ in points], [float(error) for _, error in points]
    unbeaten = {
        place
        for place, (cost, error) in enumerate(points)
        if not any(c <= cost and e <= error and (c, e) != (cost, error) for c, e in points)
    }
    members = front(costs, errors)
    assert set(members) == unbeaten
    assert [costs[place] for place in members] == sorted(costs[place] for place in members)

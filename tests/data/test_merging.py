import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from search.data.merging import merge


def merged(
    groups: list[int], y: list[float], energies: list[float] | None, formulas: list[str]
) -> dict[int, tuple[str, float]]:
    known = None if energies is None else np.array(energies)
    rows, values = merge(np.array(groups, dtype=np.uint64), np.array(y), formulas, known)
    return {groups[row]: (formulas[row], value) for row, value in zip(rows.tolist(), values.tolist(), strict=True)}


def test_lowest_energy_where_it_is_the_target() -> None:
    y = [-1.0, -2.0, 0.5, -1.5]
    assert merged([7, 7, 3, 7], y, y, ["FeO", "Fe2O2", "Na", "FeO"]) == {7: ("Fe2O2", -2.0), 3: ("Na", 0.5)}


def test_value_of_the_stable_structure_where_energies_are_known() -> None:
    energies = [-1.0, -2.0, float("nan"), float("nan"), float("nan")]
    gaps = [5.0, 1.0, 0.0, 2.0, 4.0]
    assert merged([7, 7, 7, 3, 3], gaps, energies, ["a", "b", "c", "dd", "e"]) == {7: ("b", 1.0), 3: ("e", 3.0)}


def test_of_equally_stable_structures_the_lower_value_is_kept() -> None:
    assert merged([7, 7], [5.0, 1.0], [-1.0, -1.0], ["a", "bb"]) == {7: ("bb", 1.0)}


def test_median_where_nothing_is_known() -> None:
    assert merged([7, 7, 7, 3], [5.0, 1.0, 2.0, 9.0], None, ["aa", "b", "c", "d"]) == {7: ("b", 2.0), 3: ("d", 9.0)}


def test_nothing_to_merge() -> None:
    assert merged([], [], None, []) == {}


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 3)), min_size=1), st.randoms())
def test_order_of_rows_does_not_matter(rows: list[tuple[int, int, int]], random) -> None:  # type: ignore[no-untyped-def]
    def outcome(rows: list[tuple[int, int, int]]) -> dict[int, tuple[str, float]]:
        groups, y, energies = zip(*rows, strict=True)
        return merged(list(groups), [float(v) for v in y], [float(e) for e in energies], [f"{r}" for r in rows])

    other = list(rows)
    random.shuffle(other)
    assert outcome(rows) == outcome(other)

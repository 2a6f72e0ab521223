import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.data.outliers import describe_limits, outlier_limits

SPREADS = 5.0
rng = np.random.default_rng(0)


def rejected(values: np.ndarray, plausible: tuple[float, float] | None = None) -> list[float]:
    limits = outlier_limits(values, SPREADS, plausible)
    assert limits is not None
    return sorted(values[(values < limits[0]) | (values > limits[1])].tolist())


def test_far_values_go_and_near_ones_stay() -> None:
    energies = np.concatenate([rng.normal(-1, 1, 5000), [-198.7, 43.5]])
    assert rejected(energies) == [-198.7, 43.5]


def test_mass_at_zero_does_not_shrink_the_spread() -> None:
    gaps = np.concatenate([np.zeros(9500), rng.gamma(2, 1.5, 500)])
    assert rejected(gaps) == []
    assert rejected(np.append(gaps, 500.0)) == [500.0]


@pytest.mark.parametrize("values", [rng.lognormal(3.5, 0.8, 10000), rng.exponential(50, 10000)])
def test_skewed_properties_keep_their_tail(values: np.ndarray) -> None:
    assert len(rejected(values)) <= 3


def test_each_side_of_a_skewed_property_has_its_own_limit() -> None:
    values = np.random.default_rng(0).lognormal(3.5, 0.8, 10_000)
    low, median, high = np.percentile(np.unique(values), [2.5, 50, 97.5])
    expected = (median - SPREADS * (median - low), median + SPREADS * (high - median))
    assert outlier_limits(values, SPREADS) == pytest.approx(expected)


def test_a_plausible_value_is_never_rejected() -> None:
    intermetallics = np.concatenate([rng.normal(-0.1, 0.05, 1000), [-4.5, -50.0]])
    assert rejected(intermetallics) == [-50.0, -4.5]
    assert rejected(intermetallics, (-6.0, 6.0)) == [-50.0]


def test_does_not_apply_to_small_tables_classes_or_when_off() -> None:
    assert outlier_limits(np.arange(39.0), SPREADS) is None
    assert outlier_limits(np.array([0.0, 1.0] * 500), SPREADS) is None
    assert outlier_limits(np.zeros(0), SPREADS) is None
    assert outlier_limits(np.arange(1000.0), 0.0) is None
    assert "outliers=0" in describe_limits(None, 0.0, "eV")
    assert "fewer than 40" in describe_limits(None, SPREADS, "eV")


@given(st.lists(st.floats(-3e38, 3e38), max_size=200))
def test_never_rejects_the_middle_95_percent(values: list[float]) -> None:
    array = np.array(values)
    limits = outlier_limits(array, SPREADS)
    if limits is not None:
        low, high = np.percentile(np.unique(array), [2.5, 97.5])
        assert limits[0] <= low
        assert high <= limits[1]

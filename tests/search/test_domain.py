"""The range trained on: exact distances, and flags for what lies outside."""

from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import CheckpointError
from search.data import ELEMENTS, DataRequest, Split, featurise, load
from search.inference.domain import FAR, RARE_ROWS, Domain


@pytest.fixture(scope="module")
def domain(mp_split: Split) -> Domain:
    return Domain.of(mp_split)


def test_distances_are_those_to_the_nearest_of_all(domain: Domain, mp_split: Split) -> None:
    x = mp_split.test.x
    differences = x[:, None, :].astype(np.float64) - mp_split.train.x[None, :, :]
    nearest = np.sqrt((differences**2).sum(axis=2)).min(axis=1)
    np.testing.assert_allclose(domain.distance(x), nearest, atol=2e-3)
    np.testing.assert_allclose(domain.distance(mp_split.train.x), 0, atol=2e-3)


def test_distance_of_what_shares_no_element() -> None:
    reference = featurise(["NaCl", "Fe2O3"]).x
    domain = Domain(np.count_nonzero(reference, axis=0), reference, 0.4)
    distances = domain.distance(featurise(["Cu", "CuZn", "Na", "NaCl"]).x)
    assert distances == pytest.approx([np.sqrt(1.5), 1.0, np.sqrt(0.5), 0.0], abs=1e-6)


def test_far_is_said_of_well_known_elements_too() -> None:
    reference = featurise(["NaCl"] * RARE_ROWS).x
    domain = Domain(np.count_nonzero(reference, axis=0), reference, 0.4)
    x = featurise(["NaCl", "Na3Cl"]).x
    assert domain.warnings(x, np.array([0.3, 0.5], dtype=np.float32)) == ["", FAR]


def test_flags_say_which_element_and_why(domain: Domain, mp_split: Split) -> None:
    counts = dict(zip(ELEMENTS, domain.element_rows, strict=True))
    never = next(e for e in ELEMENTS if counts[e] == 0)
    rare = next(e for e in ELEMENTS if 0 < counts[e] < RARE_ROWS)
    assert counts["O"] == sum("O" in str(f).replace("Os", "").replace("Ho", "") for f in mp_split.train.formulas)
    x = featurise([f"{never}99O", f"{rare}O60", str(mp_split.train.formulas[0])]).x
    warnings = domain.warnings(x, domain.distance(x))
    assert f"{never} in no training row" in warnings[0]
    assert FAR in warnings[0]
    assert f"{rare} in fewer than {RARE_ROWS} training rows" in warnings[1]
    assert warnings[2] == ""
    assert never not in domain.elements
    assert rare in domain.elements


def test_about_one_in_a_hundred_validation_rows_is_far(domain: Domain, mp_split: Split) -> None:
    distance = domain.distance(mp_split.validation.x)
    far = sum(FAR in warning for warning in domain.warnings(mp_split.validation.x, distance))
    assert far == pytest.approx(0.01 * len(distance), abs=1)
    assert 0.1 < domain.far < 1.42


def test_saved_and_loaded(domain: Domain, mp_split: Split, tmp_path: Path) -> None:
    domain.save(tmp_path / "domain.npz")
    loaded = Domain.load(tmp_path / "domain.npz")
    np.testing.assert_array_equal(loaded.reference, domain.reference)
    np.testing.assert_array_equal(loaded.element_rows, domain.element_rows)
    assert loaded.far == domain.far
    (tmp_path / "other.npz").write_bytes((tmp_path / "domain.npz").read_bytes()[:500])
    with pytest.raises(CheckpointError):
        Domain.load(tmp_path / "other.npz")


def test_of_a_large_table_only_a_draw_is_kept() -> None:
    split = load(DataRequest("mp"))
    domain = Domain.of(split)
    assert len(domain.reference) == 10_000 < len(split.train)
    assert domain.element_rows[ELEMENTS.index("O")] == np.count_nonzero(split.train.x[:, ELEMENTS.index("O")])

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.data.composition import featurise
from search.data.hashing import composition_hashes, mix, shuffled
from search.data.split import deal, draw

SEED = 1234567


@given(st.lists(st.integers(1, 9), min_size=3, max_size=400), st.integers(0, 2**70))
def test_every_row_lands_in_one_part_and_strata_give_their_share(strata: list[int], seed: int) -> None:
    hashes = mix(np.arange(len(strata), dtype=np.uint64))
    parts = deal(hashes, np.array(strata, dtype=np.uint8), seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(strata)))
    assert all(len(part) >= 1 for part in parts)
    shares = [len(part) / len(strata) for part in parts]
    for stratum in set(strata):
        rows = np.flatnonzero(np.array(strata) == stratum)
        for part, share in zip(parts, shares, strict=True):
            assert abs(np.isin(rows, part).sum() - share * len(rows)) <= 2


@pytest.mark.parametrize(
    ("rows", "sizes"), [(3, (1, 1, 1)), (10, (8, 1, 1)), (100, (81, 9, 10)), (5000, (4050, 450, 500))]
)
def test_sizes_are_81_to_9_to_10(rows: int, sizes: tuple[int, int, int]) -> None:
    parts = deal(mix(np.arange(rows, dtype=np.uint64)), np.ones(rows, dtype=np.uint8), SEED)
    assert tuple(len(part) for part in parts) == sizes


def test_the_same_on_every_machine() -> None:
    """Known answers: a change of them would give every user other test sets."""
    hashes = composition_hashes(featurise([f"Fe{n}O{n + 1}" for n in range(1, 31)]))
    _, validation, test = deal(hashes, np.full(30, 2, dtype=np.uint8), SEED)
    assert int(hashes[0]) == 17787365190776890533
    assert validation.tolist() == [13, 19, 28]
    assert test.tolist() == [15, 14, 2]
    assert draw(hashes, 5, SEED).tolist() == [2, 5, 9, 10, 28]


def test_order_of_rows_does_not_matter() -> None:
    hashes = mix(np.arange(500, dtype=np.uint64))
    strata = (np.arange(500) % 5).astype(np.uint8)
    shuffle = np.random.default_rng(1).permutation(500)
    for part, other in zip(deal(hashes, strata, SEED), deal(hashes[shuffle], strata[shuffle], SEED), strict=True):
        np.testing.assert_array_equal(hashes[part], hashes[shuffle][other])


def test_seeds_and_purposes_draw_independently() -> None:
    hashes = mix(np.arange(10_000, dtype=np.uint64))
    first = set(deal(hashes, np.ones(10_000, np.uint8), SEED)[2].tolist())
    second = set(deal(hashes, np.ones(10_000, np.uint8), SEED + 1)[2].tolist())
    drawn = set(draw(hashes, 1000, SEED).tolist())
    # Two independent tenths of 10,000 share 100, give or take 9.
    assert 50 < len(first & second) < 150
    assert 50 < len(first & drawn) < 150


def test_parts_are_in_random_order() -> None:
    hashes = mix(np.arange(20_000, dtype=np.uint64))
    strata = np.where(np.arange(20_000) < 60, 7, 2).astype(np.uint8)
    train = deal(hashes, strata, SEED)[0]
    places = np.flatnonzero(strata[train] == 7) / len(train)
    assert 0.35 < places.mean() < 0.65
    assert not np.array_equal(np.sort(train), train)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("FeO", "Fe0.5O0.5", True),
        ("FeO", "Fe2O2", True),
        ("Ca(OH)2", "CaH2O2", True),
        ("Fe0.3333333O0.6666667", "FeO2", True),
        ("H127O", "H12.7O0.1", True),
        ("FeO", "Fe2O3", False),
        ("Fe999O", "Fe1000O", False),
        ("NaCl", "KCl", False),
    ],
)
def test_hashes_tell_compositions_apart(one: str, other: str, same: bool) -> None:
    hashes = composition_hashes(featurise([one, other, "Xx"]))
    assert bool(hashes[0] == hashes[1]) is same
    assert hashes[2] == 0


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(1, 10_000), st.randoms())
def test_hashes_of_multiples_agree(a: int, b: int, c: int, factor: int, random) -> None:  # type: ignore[no-untyped-def]
    groups = [("Fe", a), ("O", b), ("Li", c)]
    plain = "".join(f"{symbol}{amount}" for symbol, amount in groups)
    random.shuffle(groups)
    multiple = "".join(f"{symbol}{amount * factor}" for symbol, amount in groups)
    tenth = "".join(f"{symbol}{amount / 10}" for symbol, amount in groups)
    assert len(set(composition_hashes(featurise([plain, multiple, tenth])).tolist())) == 1


def test_shuffle_is_a_permutation() -> None:
    assert sorted(shuffled(mix(np.arange(1000, dtype=np.uint64)), SEED, 1).tolist()) == list(range(1000))

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core.composition import Composition

from search.data import ELEMENTS, featurise
from search.data import composition as module
from search.data.composition import EMPTY, NO_ATOMS, NOT_TEXT, OUTSIDE, TOO_LARGE, TOO_LONG, UNREADABLE


def fractions_of(formula: str) -> dict[str, float]:
    featurised = featurise([formula])
    assert featurised.ok[0], featurised.reasons
    return {ELEMENTS[column]: float(featurised.x[0, column]) for column in np.flatnonzero(featurised.x[0])}


def test_elements_are_the_papers_86_in_order() -> None:
    assert len(ELEMENTS) == len(set(ELEMENTS)) == 86
    assert (ELEMENTS[0], ELEMENTS[1], ELEMENTS[51], ELEMENTS[52], ELEMENTS[85]) == ("H", "Li", "Cs", "Ba", "Pu")
    numbers = [Composition(symbol).elements[0].Z for symbol in ELEMENTS]
    assert numbers == sorted(numbers)
    absent = {Z for Z in range(1, 95) if Z not in numbers}
    assert absent == {2, 10, 18, 84, 85, 86, 87, 88}  # He Ne Ar Po At Rn Fr Ra


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("NaCl", {"Na": 0.5, "Cl": 0.5}),
        ("Fe0.5O0.5", {"Fe": 0.5, "O": 0.5}),
        ("Ca(OH)2", {"Ca": 0.2, "O": 0.4, "H": 0.4}),
        ("K4[Fe(CN)6]", {"K": 4 / 17, "Fe": 1 / 17, "C": 6 / 17, "N": 6 / 17}),
        ("((Fe)2(OH)3)2", {"Fe": 0.25, "O": 0.375, "H": 0.375}),
        ("Fe(Ni0.5Co0.5)2", {"Fe": 1 / 3, "Ni": 1 / 3, "Co": 1 / 3}),
        ("CH3COOH", {"C": 0.25, "H": 0.5, "O": 0.25}),
        ("NaN", {"Na": 0.5, "N": 0.5}),
        (" Fe2 O3 ", {"Fe": 0.4, "O": 0.6}),
        ("H₂O", {"H": 2 / 3, "O": 1 / 3}),
        ("Fe2O3H0", {"Fe": 0.4, "O": 0.6}),
        ("H1e300O", {"H": 1.0}),
    ],
)
def test_reads(formula: str, expected: dict[str, float]) -> None:
    assert fractions_of(formula) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("", EMPTY),
        (" \t\n", EMPTY),
        (float("nan"), NOT_TEXT),
        (None, NOT_TEXT),
        (3, NOT_TEXT),
        ("3", UNREADABLE),
        ("nan", UNREADABLE),
        ("None", UNREADABLE),
        ("Xx2O", UNREADABLE),
        ("Fe-O", UNREADABLE),
        ("H-1O", UNREADABLE),
        ("Fe2+", UNREADABLE),
        ("2-Feb", UNREADABLE),
        ("Fe1.2.3", UNREADABLE),
        ("(((", UNREADABLE),
        ("Fe)(O", UNREADABLE),
        ("Fe2O3\0", UNREADABLE),
        ("H0", NO_ATOMS),
        ("H1e-12", NO_ATOMS),
        ("Fe1e400", TOO_LARGE),
        ("H" + "9" * 400, TOO_LARGE),
        ("(" * 400 + "H" + ")" * 400, None),
        ("(" * 900 + "H", UNREADABLE),
        ("Fe" * 5_000_000, TOO_LONG),
        ("HePo", f"{OUTSIDE}: He"),
        ("PoO2", f"{OUTSIDE}: Po"),
        ("D2O", f"{OUTSIDE}: D"),
        ("T2O", f"{OUTSIDE}: T"),
        ("Li(DH)2", f"{OUTSIDE}: D"),
        ("AmO2", f"{OUTSIDE}: Am"),
    ],
)
def test_rejects_with_its_reason(formula: object, reason: str | None) -> None:
    start = time.perf_counter()
    featurised = featurise(["NaCl", formula, "Fe2O3"])
    assert time.perf_counter() - start < 2
    assert featurised.reasons.get(1) == reason
    assert featurised.ok.tolist() == [True, reason is None, True]
    if reason is not None:
        assert not featurised.x[1].any()
    np.testing.assert_allclose(featurised.x[[0, 2]].sum(axis=1), 1, rtol=1e-6)


amounts = st.one_of(
    st.just(""),
    st.integers(0, 10**12).map(str),
    st.floats(0, 1e6, allow_nan=False).map(lambda amount: f"{amount:.9f}"),
)
plain_formulas = st.lists(st.tuples(st.sampled_from(ELEMENTS), amounts), min_size=1, max_size=12).map(
    lambda groups: "".join(symbol + amount for symbol, amount in groups)
)


@given(plain_formulas)
@settings(max_examples=400, deadline=None)
def test_plain_formulas_are_read_as_pymatgen_reads_them(formula: str) -> None:
    short = module._read_plain(formula)
    assert short is not None, "the short way refuses a plain formula"
    expected = {ELEMENTS.index(element.symbol): amount for element, amount in Composition(formula).items()}
    assert short == expected
    total = sum(expected.values())
    if total > 0:
        x = featurise([formula]).x[0].astype(float)
        np.testing.assert_allclose(x[list(expected)], np.array(list(expected.values())) / total, rtol=1e-6, atol=1e-40)


brackets = st.recursive(
    plain_formulas.filter(lambda formula: "e" not in formula and math.isfinite(len(formula))),
    lambda inner: st.tuples(inner, st.sampled_from(["()", "[]", "{}"]), st.integers(1, 9), inner).map(
        lambda parts: f"{parts[0]}{parts[1][0]}{parts[3]}{parts[1][1]}{parts[2]}"
    ),
    max_leaves=4,
)


@given(brackets)
@settings(max_examples=150, deadline=None)
def test_brackets_are_read_as_pymatgen_reads_them(formula: str) -> None:
    try:
        expected = Composition(formula)
    except ValueError:
        assert not featurise([formula]).ok[0]
        return
    featurised = featurise([formula])
    if expected.num_atoms == 0:
        assert featurised.reasons == {0: NO_ATOMS}
        return
    for element in expected:
        assert featurised.x[0, ELEMENTS.index(str(element))] == pytest.approx(
            expected.get_atomic_fraction(element), rel=1e-6, abs=1e-40
        )


@given(st.lists(st.one_of(st.text(), st.text(alphabet="()[]{}HeFeO0123456789.-+*e @₂D"), st.floats()), max_size=5))
@settings(max_examples=400, deadline=2000)
def test_no_text_crashes_or_hangs(formulas: list[object]) -> None:
    featurised = featurise(formulas)
    assert featurised.x.shape == (len(formulas), 86)
    assert featurised.x.dtype == np.float32
    assert set(featurised.reasons) == set(np.flatnonzero(~featurised.ok).tolist())
    np.testing.assert_allclose(featurised.x[featurised.ok].sum(axis=1), 1, rtol=1e-5)
    assert (featurised.x >= 0).all()


def test_take_gives_rows_in_any_order() -> None:
    featurised = featurise(["NaCl", "Fe2O3", "K4[Fe(CN)6]", "H"])
    rows = np.array([2, 0, 3, 2])
    np.testing.assert_array_equal(featurised.take(rows).x, featurised.x[rows])
    assert featurised.take(rows[:0]).x.shape == (0, 86)


def test_an_element_too_dilute_for_float32_is_not_there() -> None:
    featurised = featurise(["H1e300O", "H", "FeH1e300O", "NaCl"])
    assert featurised.counts.tolist() == [1, 1, 1, 2]
    np.testing.assert_array_equal(featurised.x[0], featurised.x[1])
    np.testing.assert_array_equal(featurised.x[0], featurised.x[2])
    assert featurised.x[3].sum() == 1

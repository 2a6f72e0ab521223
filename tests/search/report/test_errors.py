"""Where the winner errs: by element, by number of elements, and in words."""

import numpy as np
import pytest

from search.data import ELEMENTS, DataRequest, Part, Split, load
from search.report.answers import Outputs, Predicted, WinnerPredictions
from search.report.elements import by_number_of_elements, element_errors, elements_finding
from search.report.periodic import ElementError, short
from search.report.question import finding
from search.report.residuals import POINTS_DRAWN, WORST, drawn_rows, network_words, parity_finding, worst_rows
from search.report.wording import count, percent, plain, shortened


def off_by(part: Part, errors: np.ndarray) -> Predicted:
    """One network that is off by so much."""
    return Predicted(part, (part.y.astype(np.float64) + errors)[None, :])


def test_the_largest_and_the_smallest_errors_are_named_of_elements_that_are_often_met() -> None:
    found = {
        symbol: ElementError(symbol, mae, compositions, 9)
        for symbol, mae, compositions in (
            ("H", 0.9, 4), ("Li", 0.5, 5), ("O", 0.1, 90), ("F", 0.3, 50), ("Fe", 0.2, 30), ("Cs", 0.4, 6),
        )
    }  # fmt: skip
    assert elements_finding(found, "eV") == (
        "Of the elements in 5 held-out compositions or more, the largest MAE is with Li 0.5000, Cs 0.4000, F 0.3000; "
        "the smallest with O 0.1000, Fe 0.2000, F 0.3000 eV."
    )
    rare = {symbol: found[symbol] for symbol in ("H", "Li")}
    assert elements_finding(rare, "eV") == "Too few compositions to compare elements (2 elements occur)."


def test_errors_by_number_of_elements_are_of_that_number_alone(mp_split: Split) -> None:
    parts: list[Predicted] = []
    for part in (mp_split.validation, mp_split.test):
        sizes = (part.x > 0).sum(axis=1)
        parts.append(off_by(part, np.where(sizes == 2, 0.1, np.where(sizes == 3, -0.2, 0.3))))
    figure = by_number_of_elements(WinnerPredictions(parts[0], parts[1]), "eV")
    means = dict(zip(figure.data[0]["x"], figure.data[0]["y"], strict=True))
    assert (means["2"], means["3"], means["4"]) == pytest.approx((0.1, 0.2, 0.3))
    number = sum(int(((part.x > 0).sum(axis=1) == 3).sum()) for part in (mp_split.validation, mp_split.test))
    assert f"3 elements 0.2000 ({number:,})" in figure.finding


def test_elements_of_both_parts_are_counted_and_those_of_neither_left_out(mp_split: Split) -> None:
    parts = [off_by(part, np.full(len(part), 0.25)) for part in (mp_split.validation, mp_split.test)]
    errors = element_errors(WinnerPredictions(parts[0], parts[1]), mp_split.train.x)
    held = np.concatenate([mp_split.validation.x, mp_split.test.x]) > 0
    assert set(errors) == {symbol for place, symbol in enumerate(ELEMENTS) if held[:, place].any()}
    assert [error.mae for error in errors.values()] == pytest.approx([0.25] * len(errors))
    place = ELEMENTS.index("O")
    assert (errors["O"].compositions, errors["O"].trained) == (
        held[:, place].sum(), (mp_split.train.x[:, place] > 0).sum(),
    )  # fmt: skip


def test_what_validation_chose_stays_apart_from_what_the_test_told(mp_split: Split) -> None:
    shape = {"validation": (2, len(mp_split.validation), 1), "test": (2, len(mp_split.test), 1)}
    outputs = Outputs(np.full(shape["validation"], 1.0), np.full(shape["test"], 2.0), (4,))
    found = WinnerPredictions.of(mp_split, outputs)
    assert (set(found.validation.values), set(found.test.values), found.missing_seeds) == ({1.0}, {2.0}, (4,))
    assert found.test.network_maes == pytest.approx([float(np.abs(2.0 - mp_split.test.y).mean())] * 2)


def test_a_finding_says_what_half_of_the_errors_and_all_of_them_come_to(mp_split: Split) -> None:
    part = mp_split.test
    errors = np.where(np.arange(len(part)) % 4 == 0, -0.4, 0.1)
    text = parity_finding("test", off_by(part, errors), "eV/atom")
    true = part.y.astype(np.float64)
    explained = 1 - (errors**2).sum() / ((true - true.mean()) ** 2).sum()
    assert f"Test, {len(part)} compositions: MAE {np.abs(errors).mean():.4f} eV/atom" in text
    assert f"half of the errors below 0.1000 eV/atom, R² {explained:.3f}." in text
    assert "Each network by itself" not in text
    two = Predicted(part, np.stack([true + 0.1, true - 0.3]))
    assert "Each network by itself: MAE 0.1000, 0.3000." in parity_finding("test", two, "eV/atom")


def test_the_worst_are_among_the_points_of_a_large_part() -> None:
    part = load(DataRequest("mp", rows=30_000)).test
    assert len(part) > POINTS_DRAWN
    errors = np.zeros(len(part))
    errors[-WORST:] = np.linspace(-1, -3, WORST)
    predicted = off_by(part, errors)
    rows = drawn_rows(predicted)
    assert worst_rows(predicted).tolist() == list(range(len(part) - 1, len(part) - 1 - WORST, -1))
    assert set(worst_rows(predicted).tolist()) <= set(rows.tolist())
    assert POINTS_DRAWN <= len(rows) <= POINTS_DRAWN + WORST
    assert f"{len(rows):,} of the points are drawn" in parity_finding("test", predicted, "eV/atom")


def test_whose_weights_are_gone_is_said() -> None:
    assert network_words("Given", "the mean over", 2, ()).startswith("Given: the mean over its 2 seeds' networks. Val")
    said = "Given. The weights of seed 3, 7 are gone from MLflow and left out here. Validation"
    assert network_words("Given", "the mean over", 1, (3, 7)).startswith(said)


def test_the_yardstick_is_the_median_of_what_was_trained_on() -> None:
    """The test set's own median would be an easier one than anybody can know."""
    train, test = np.arange(101, dtype=np.float32), np.full(9, 60, dtype=np.float32)
    text = finding(train, test, "K")
    assert "90 % of the training values lie between 5.0000 and 95.00 K." in text
    assert "Answering the training median, 50.00, for every compound would give a test MAE of 10.00 K." in text


def test_numbers_in_small_places() -> None:
    assert [short(value) for value in (0.03124, 9.9, 12.34, 123.4, 1234.0)] == ["0.031", "9.900", "12.3", "123", "1e3"]
    assert (percent(1, 8), percent(0, 0)) == ("12.5 %", "–")
    assert (count(1, "trial"), count(2000, "trial"), count(0, "effect is", "effects are")) == (
        "1 trial", "2,000 trials", "0 effects are",
    )  # fmt: skip
    assert [shortened(text, 4) for text in ("abcd", "abcde")] == ["abcd", "abc…"]
    assert plain(-1234.6) == "-1235"

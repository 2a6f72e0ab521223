"""A classifier's answers beside the true classes: which was taken for which, and how sure it was."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss

from report.conftest import parsed
from search.data import Part, Split
from search.report.answers import Outputs, PredictedClasses, WinnerClasses
from search.report.classes import confusion_figure, roc_figure, score_texts, worst_table
from search.temperature import temperature_for

CLASSES = ("binary", "ternary", "more")


def by_elements(part: Part) -> Part:
    """The part with the number of elements as its class: two, three, any other."""
    sizes = (part.x > 0).sum(axis=1)
    return replace(part, y=np.where(sizes == 2, 0, np.where(sizes == 3, 1, 2)).astype(np.float32))


def logits_of(part: Part, surety: float) -> NDArray[np.float64]:
    """Right for all but the binaries, which are taken for ternaries; ever surer, as far down the table as it goes."""
    given = np.where(part.y == 0, 1, part.y).astype(int)
    logits: NDArray[np.float64] = np.eye(3)[given] * surety * np.linspace(1, 2, len(part))[:, None]
    return logits


@pytest.fixture(scope="module")
def part(mp_split: Split) -> Part:
    return by_elements(mp_split.test)


@pytest.fixture(scope="module")
def predicted(part: Part) -> PredictedClasses:
    return PredictedClasses(part, np.stack([logits_of(part, 1.0), logits_of(part, 3.0)]), 0.5, CLASSES)


def test_true_classes_stand_down_and_given_ones_across(predicted: PredictedClasses) -> None:
    figure = confusion_figure("test", predicted)
    binaries, ternaries, others = np.bincount(predicted.true, minlength=3)
    assert binaries > 0
    assert figure.data[0]["text"] == [["0", f"{binaries}", "0"], ["0", f"{ternaries}", "0"], ["0", "0", f"{others}"]]
    assert figure.data[0]["z"] == [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
    total = len(predicted.part)
    right = ternaries + others
    assert figure.finding.startswith(f"Test: {right:,} of {total:,} compositions ({100 * right / total:.1f} %)")
    assert figure.finding.endswith(f"Most often mistaken: binary for ternary, {binaries:,} compositions.")


def test_the_worst_are_those_whose_true_class_got_the_least(predicted: PredictedClasses) -> None:
    """The binaries at the end of the table, which it is surest to be ternaries."""
    _, *rows = parsed(worst_table("test", predicted)).tables["worst-test"]
    binaries = np.flatnonzero(predicted.true == 0)[::-1][:20]
    assert [row[0] for row in rows] == [str(predicted.part.formulas[place]) for place in binaries]
    assert {(row[1], row[2]) for row in rows} == {("binary", "ternary")}
    mean = 2.0 * np.linspace(1, 2, len(predicted.part))[binaries[0]]
    expected = 1 / (np.exp(mean / 0.5) + 2)
    assert float(rows[0][3].replace("−", "-")) == pytest.approx(expected, rel=0.01, abs=6e-5)


def test_scores_are_means_over_the_networks_with_their_spread(predicted: PredictedClasses) -> None:
    chances = [np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in predicted.logits]
    losses = [log_loss(predicted.true, one) for one in chances]
    texts = score_texts(predicted)
    assert texts["cross_entropy"] == f"{np.mean(losses):.4f} ± {np.std(losses, ddof=1):.4f}"
    accuracy = accuracy_score(predicted.true, chances[0].argmax(axis=1))
    assert texts["accuracy"] == f"{accuracy:.4f} ± 0.0000"
    assert score_texts(replace(predicted, logits=predicted.logits[:1]))["accuracy"] == f"{accuracy:.4f}"


def test_every_class_has_its_curve_and_of_two_the_second(part: Part, predicted: PredictedClasses) -> None:
    figure = roc_figure("test", predicted)
    assert [trace["name"] for trace in figure.data] == ["by chance", *CLASSES]
    assert "more 1.0000" in figure.finding
    two = replace(part, y=np.minimum(part.y, 1))
    halves = PredictedClasses(two, np.eye(2)[two.y.astype(int)][None], 1.0, ("plain", "mixed"))
    figure = roc_figure("test", halves)
    assert [trace["name"] for trace in figure.data] == ["by chance", "mixed"]
    assert figure.finding == "Test, area under the ROC curve, a class against the rest: mixed 1.0000."


def test_the_temperature_is_of_validation_alone(mp_split: Split) -> None:
    """The test set, where the networks are surer than they may be, decides nothing."""
    validation, test = by_elements(mp_split.validation), by_elements(mp_split.test)
    split = replace(mp_split, validation=validation, test=test, classes=CLASSES)
    outputs = Outputs(logits_of(validation, 1.0)[None], logits_of(test, 9.0)[None], (2,))
    found = WinnerClasses.of(split, outputs)
    expected = temperature_for(outputs.validation[0], validation.y.astype(np.int64))
    assert found.validation.temperature == found.test.temperature == expected
    assert expected != pytest.approx(temperature_for(outputs.test[0], test.y.astype(np.int64)), rel=0.1)
    assert (found.test.part, found.validation.part, found.missing_seeds) == (test, validation, (2,))

"""A model of classes: its sets, their order, its warnings, and what it refuses to be made of or read from."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.architecture import Architecture, Group
from models.checkpoint import CheckpointError
from models.ensemble import Ensemble
from models.network import build
from search.data import Split, featurise
from search.inference.classifier import Classifier, ClassPredictions
from search.inference.members import ABOUT_FILE
from search.inference.package import load_package
from search.inference.quality import ClassQuality
from search.inference.uncertainty import FEWEST_ROWS
from search.judging import scores

NAMES = ("b", "a", "c")
"""In another order than the alphabet's."""


@pytest.fixture(scope="module")
def classes(mp_split: Split) -> Split:
    """Three classes by formation energy."""
    parts = {}
    for name in ("train", "validation", "test"):
        part = getattr(mp_split, name)
        parts[name] = replace(part, y=np.digitize(part.y, (-2, -1)).astype(np.float32))
    return replace(mp_split, classes=NAMES, **parts)


@pytest.fixture(scope="module")
def classifier(classes: Split) -> Classifier:
    architecture = Architecture(groups=(Group(16, 1),)).with_output(3, "classification")
    return Classifier.of(Ensemble([build(architecture, seed) for seed in (0, 1)], [0.75, 0.25]), classes, {})


def test_a_set_holds_all_that_are_likely_enough_and_the_likeliest_in_any_case(
    classifier: Classifier, classes: Split
) -> None:
    second = float(np.sort(classifier.predict_fractions(classes.test.x).probabilities[0])[1])
    for least in (0.0, 0.33, second, 0.4, 1.1):
        answers = replace(classifier, least=least).predict_fractions(classes.test.x)
        for probabilities, names in zip(answers.probabilities, answers.sets, strict=True):
            order = sorted(range(3), key=lambda n: -probabilities[n])
            expected = [NAMES[n] for n in order if probabilities[n] >= least or n == order[0]]
            assert names.split("; ") == expected


def test_columns_are_those_of_their_class(classifier: Classifier, classes: Split) -> None:
    answers = classifier.predict_fractions(classes.test.x)
    columns = answers.columns()
    for number, name in enumerate(NAMES):
        np.testing.assert_array_equal(columns[f"p({name})"], answers.probabilities[:, number])
    assert columns["class"] == [NAMES[n] for n in answers.probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(columns["probability"], answers.probabilities.max(axis=1))


def test_warnings_come_with_classes(classifier: Classifier) -> None:
    answers = classifier.predict(["NaCl", "Pu", "Xx", "PoO"])
    x = featurise(["Pu"]).x
    assert [answers.warning[1]] == classifier.domain.warnings(x, classifier.domain.distance(x)) != [""]
    assert answers.warning[2:] == ["unreadable formula", "element outside the 86: Po"]
    assert answers.chosen[2:] == answers.sets[2:] == ["", ""]
    assert not answers.within[2:].any()


def test_quality_is_of_the_sets(classifier: Classifier, classes: Split) -> None:
    found, answers = ClassQuality.on(classifier, classes.test), classifier.predict_fractions(classes.test.x)
    true = [NAMES[int(y)] for y in classes.test.y]
    sets = [names.split("; ") for names in answers.sets]
    assert found.coverage == pytest.approx(np.mean([name in names for name, names in zip(true, sets, strict=True)]))
    assert found.set_size == pytest.approx(np.mean([len(names) for names in sets]))
    assert 1 < found.set_size < 3
    assert f"{100 * found.coverage:.1f} % of the test set's classes" in found.in_words("")


def test_each_score_goes_by_its_own_name(classifier: Classifier, classes: Split) -> None:
    """Of one class alone there is no ROC-AUC, neither as a metric nor in words."""
    found, logs = (
        ClassQuality.on(classifier, classes.test),
        np.log(classifier.predict_fractions(classes.test.x).probabilities),
    )
    expected = scores(logs, classes.test, NAMES)
    assert {name: found.metrics[name] for name in expected} == pytest.approx(expected)
    assert len(set(expected.values())) == 4
    assert set(found.metrics) == {*expected, "coverage", "set_size"}
    words = found.in_words("")
    assert (
        f"cross-entropy {found.cross_entropy:.4f}, accuracy {100 * found.accuracy:.1f} %, ROC-AUC {found.roc_auc:.3f};"
        in words
    )
    rows = classes.test.y == classes.test.y[0]
    one = replace(classes.test, x=classes.test.x[rows], y=classes.test.y[rows], formulas=classes.test.formulas[rows])
    alone = ClassQuality.on(classifier, one)
    assert set(alone.metrics) == {*expected, "coverage", "set_size"} - {"roc_auc"}
    assert "ROC" not in alone.in_words("")


def test_few_rows_calibrate_nothing(classifier: Classifier, classes: Split) -> None:
    def with_rows(rows: int) -> Split:
        few = {name: getattr(classes.validation, name)[:rows] for name in ("x", "y", "formulas")}
        return replace(classes, validation=replace(classes.validation, **few))

    assert 0 < Classifier.of(classifier.ensemble, with_rows(FEWEST_ROWS), {}).least < 1
    with pytest.raises(ValueError, match="8 validation rows cannot calibrate a set: it takes 9"):
        Classifier.of(classifier.ensemble, with_rows(FEWEST_ROWS - 1), {})


def test_what_is_read_back_answers_the_same(classifier: Classifier, classes: Split, tmp_path: Path) -> None:
    classifier.save(tmp_path / "model")
    again = load_package(tmp_path / "model")
    assert isinstance(again, Classifier)
    found, expected = (model.predict_fractions(classes.test.x) for model in (again, classifier))
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    np.testing.assert_array_equal(found.within, expected.within)
    assert again.classes == NAMES
    rough = load_package(tmp_path / "model", bfloat16=True).predict_fractions(classes.test.x)
    assert isinstance(rough, ClassPredictions)
    assert 0 < np.abs(rough.probabilities - expected.probabilities).max() < 0.01


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classes": ["a", "b"]}, "names 2 classes, and its networks have another number"),
        ({"temperature": 0.0}, "holds no calibration"),
        ({"temperature": -1.0}, "holds no calibration"),
        ({"temperature": float("inf")}, "holds no calibration"),
        ({"least": float("nan")}, "holds no calibration"),
        ({"format": 2}, "another version of branchsearch"),
    ],
)
def test_a_changed_model_is_not_read(
    classifier: Classifier, tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    classifier.save(tmp_path / "model")
    file = tmp_path / "model" / ABOUT_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(CheckpointError, match=sentence):
        load_package(tmp_path / "model")

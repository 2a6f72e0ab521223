"""Learning curves as they are drawn: none cut short, and each what its legend says."""

import re
from dataclasses import replace

import pytest
from mlflow.entities import Metric

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from report.conftest import EPOCHS, Archive, Parsed, parsed, trial
from search.data import Split
from search.report.curves import POINTS_A_CURVE, Curve, curve_of, curves_section
from search.report.evidence import Evidence, gather
from search.report.figures import PALETTE
from spaces import build

SEEDS = range(4)


@pytest.fixture(scope="module")
def evidence(archive: Archive, mp_split: Split) -> Evidence:
    """Seven networks, the first trained from four seeds, the others from one."""
    candidates = list(build("branching", FAST, BRNET).candidates())[:7]
    trials = [trial(f"0-{seed}", candidates[0], seed, 0.1 + 0.001 * seed) for seed in SEEDS]
    trials += [trial(f"{place}-0", each, 0, 0.1 + 0.1 * place) for place, each in enumerate(candidates) if place]
    return gather(archive.record(["space=branching", "dataset=mp", "rows=2000", "seeds=4"], trials, mp_split))


def drawn(evidence: Evidence) -> Parsed:
    return parsed(curves_section(evidence))


@pytest.mark.parametrize("epochs", [POINTS_A_CURVE + 1, 3000])
def test_a_long_curve_is_thinned_and_ends_where_the_training_did(epochs: int) -> None:
    numbers = range(1, epochs + 1)
    whole = Curve(3, numbers, [0.5 * number for number in numbers], [1 / number for number in numbers])
    thin = whole.thinned()
    assert (thin.seed, thin.epochs[0], thin.epochs[-1]) == (3, 1, epochs)
    assert POINTS_A_CURVE / 2 <= len(thin.epochs) <= POINTS_A_CURVE + 1
    assert list(thin.seconds) == [0.5 * epoch for epoch in thin.epochs]
    assert list(thin.errors) == [1 / epoch for epoch in thin.epochs]


def test_a_short_curve_is_drawn_whole() -> None:
    numbers = range(1, POINTS_A_CURVE + 1)
    whole = Curve(0, numbers, numbers, numbers)
    assert whole.thinned() == whole


def test_only_errors_that_an_axis_can_show_are_drawn(archive: Archive, mp_split: Split) -> None:
    candidate = Candidate(BRNET, FAST)
    search = archive.record(["space=branching", "dataset=mp", "rows=2000"], [trial("a", candidate)], mp_split)
    run_id = search.trials[0][1].info.run_id
    for step, error in ((EPOCHS + 1, float("inf")), (EPOCHS + 2, float("nan")), (EPOCHS + 3, 0.15)):
        search.client.log_batch(run_id, [Metric("validation_mae", error, 1, step), Metric("epoch_seconds", 2, 1, step)])
    curve = curve_of(gather(search), search.trials[0][0])
    assert list(curve.epochs) == [1, 2, 3, 4, 5, EPOCHS + 3]
    assert list(curve.errors) == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.15])
    assert list(curve.seconds) == pytest.approx([2.5, 5.0, 7.5, 10.0, 12.5, 18.5])


def test_the_first_are_in_colour_the_next_in_grey_and_the_rest_is_counted(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.report.curves.BEST", 2)
    monkeypatch.setattr("search.report.curves.OTHERS", 3)
    made = drawn(evidence)
    said = "The best 2 candidates in colour, 3 others in grey, 2 more not drawn; the first 3 seeds of each."
    assert said in made.text
    traces = made.figures["learning-curves"]["data"]
    ranks = [int(trace["legendgroup"].partition(".")[0]) for trace in traces if trace["xaxis"] == "x"]
    assert ranks == [3, 4, 5, 2, 1, 1, 1], "the winner is drawn last, over the others"
    in_colour = {trace["legendgroup"] for trace in traces if trace["line"]["color"] in PALETTE}
    assert {int(name.partition(".")[0]) for name in in_colour} == {1, 2}
    shown = [trace["legendgroup"] for trace in traces if trace["showlegend"]]
    assert sorted(shown) == sorted(in_colour), "one line of the legend for each candidate"


def test_few_candidates_and_seeds_are_all_drawn(evidence: Evidence) -> None:
    three = replace(evidence.search.config, seeds=(0, 1, 2))
    text = drawn(replace(evidence, search=replace(evidence.search, config=three))).text
    assert "The best 7 candidates in colour; one line a seed." in text


def test_no_two_candidates_have_one_look(evidence: Evidence) -> None:
    traces = drawn(evidence).figures["learning-curves"]["data"]
    looks = {trace["legendgroup"]: (trace["line"]["color"], trace["line"]["dash"]) for trace in traces}
    assert len(set(looks.values())) == len(looks) == 7
    assert {dash for _, dash in list(looks.values())[-len(PALETTE) :]} == {"solid"}, "of the first, colours are enough"


@pytest.mark.parametrize(("best_epoch", "goes_on"), [(EPOCHS, True), (EPOCHS - 1, False)])
def test_a_winner_that_was_still_improving_is_said_to_be(evidence: Evidence, best_epoch: int, goes_on: bool) -> None:
    winner = evidence.standings[0]
    results = tuple(replace(result, best_epoch=best_epoch) for result in winner.results)
    found = replace(evidence, standings=(replace(winner, results=results), *evidence.standings[1:]))
    text = drawn(found).text
    assert re.search(rf"in epoch {best_epoch} of {EPOCHS}, after [\d.]+ s with its best seed\.", text)
    assert ("It had not stopped improving" in text) is goes_on

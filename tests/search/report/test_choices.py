"""What is said of choices is what their numbers say: the direction, the certainty, and the winner's own value."""

from dataclasses import replace

import pytest

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from report.conftest import Archive, parsed, trial
from search.data import Split
from search.report.choices import effects_figure, effects_finding, effects_of_grid, slice_figure, verdict
from search.report.effects import Effect, MainEffects, main_effects
from search.report.evidence import Evidence, gather
from search.report.figures import BLUE, GREY
from search.results import rank

LOWERS = Effect("skip", "layer", "none", -0.03, 0.01, 12)
RAISES = Effect("dropout", "0.2", "none", 0.02, 0.01, 6)
UNCLEAR = Effect("activation", "silu", "leaky", -0.005, 0.01, 6)
UNKNOWN = Effect("branching", "Top", "none", -0.05, None, 1)


@pytest.fixture(scope="module")
def evidence(archive: Archive, mp_split: Split) -> Evidence:
    """A sample of six learning rates: the third wins."""
    rates = (1e-4, 1e-3, 5e-3, 1e-2, 2e-2, 3e-2)
    trials = [
        trial(str(place), Candidate(BRNET, replace(FAST, learning_rate=rate)), 0, 0.1 + 0.01 * abs(place - 2))
        for place, rate in enumerate(rates)
    ]
    return gather(archive.record(["space=hyperparameters", "dataset=mp", "rows=2000", "trials=6"], trials, mp_split))


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (LOWERS, "lower error"),
        (RAISES, "higher error"),
        (UNCLEAR, "not distinguishable"),
        (UNKNOWN, "no interval can be given"),
    ],
)
def test_the_verdict_goes_by_the_interval_and_the_sign(effect: Effect, said: str) -> None:
    assert verdict(effect) == said


def test_the_finding_names_what_is_distinguishable_and_counts_the_rest(evidence: Evidence) -> None:
    result = MainEffects((RAISES, UNCLEAR, LOWERS, UNKNOWN, replace(UNCLEAR, level="relu")), (), "")
    assert effects_finding(result, evidence) == (
        "skip: layer lowers the MAE by 0.0300 eV/atom against none; "
        "dropout: 0.2 raises the MAE by 0.0200 eV/atom against none. "
        "3 effects are not distinguishable from 0."
    )
    unclear = MainEffects((UNCLEAR,), (), "")
    assert effects_finding(unclear, evidence) == "No choice's effect is distinguishable from 0."


def test_what_is_distinguishable_stands_out_in_the_picture(evidence: Evidence) -> None:
    figure = effects_figure(MainEffects((LOWERS, UNCLEAR, UNKNOWN), (), ""), evidence)
    marks = {trace["x"][0]: (trace["marker"]["color"], trace["error_x"]["array"][0]) for trace in figure.data}
    assert marks == {-0.03: (BLUE, 0.01), -0.005: (GREY, 0.01), -0.05: (GREY, 0)}
    assert [trace["x"][0] for trace in figure.data] == [-0.05, -0.005, -0.03], "the first is drawn on top"


def test_effects_whose_labels_are_cut_to_the_same_words_have_lines_of_their_own(evidence: Evidence) -> None:
    """Long branchings of a listed space differ in their last layers alone."""
    longest = [
        replace(LOWERS, factor="branching", level=f"Top[2,2] Middle1[1,1,1] Bottom{end}") for end in ["[1]", "[2]"]
    ]
    figure = effects_figure(MainEffects((*longest, UNCLEAR), (), ""), evidence)
    ticks = figure.layout["yaxis"]
    labels = dict(zip(ticks["tickvals"], ticks["ticktext"], strict=True))
    drawn = [trace["y"][0] for trace in figure.data]
    assert len(set(drawn)) == 3
    assert labels[drawn[1]] == labels[drawn[2]], "or this test shows nothing"
    assert labels[drawn[0]] == "activation: silu<br>vs leaky", "the last below the others"
    for effect, trace in zip(longest, reversed(figure.data), strict=False):
        assert f"branching: {effect.level}<br>vs none<br>" in trace["hovertemplate"], "whole"
    assert min(drawn) > ticks["range"][0]
    assert max(drawn) < ticks["range"][1]


def test_of_one_choice_every_candidate_is_drawn_and_the_winner_has_its_own_value(evidence: Evidence) -> None:
    figure = slice_figure(evidence, "learning_rate")
    assert "the winner (diamond)" in figure.finding
    assert figure.finding.endswith("has 0.005.")
    points = dict(zip(figure.data[0]["x"], figure.data[0]["y"], strict=True))
    assert points == pytest.approx({1e-4: 0.12, 1e-3: 0.11, 5e-3: 0.10, 1e-2: 0.11, 2e-2: 0.12, 3e-2: 0.13})
    winner = figure.data[0]["marker"]["symbol"].index("diamond")
    assert figure.data[0]["x"][winner] == 5e-3
    assert figure.layout["xaxis"]["type"] == "log", "over more than a decade"


def test_choices_over_less_than_a_decade_are_drawn_evenly(evidence: Evidence) -> None:
    near = [standing for standing in evidence.standings if standing.candidate.recipe.learning_rate >= 5e-3]
    assert "type" not in slice_figure(replace(evidence, standings=tuple(near)), "learning_rate").layout["xaxis"]


def test_a_choice_that_others_decide_is_said_not_to_be_separable(evidence: Evidence) -> None:
    """Here every learning rate goes with one skip."""
    candidates = [
        Candidate(
            replace(BRNET, skip="none" if rate == 3e-3 else BRNET.skip),
            replace(FAST, learning_rate=rate, batch_size=batch_size),
        )
        for rate in (1e-3, 2e-3, 3e-3)
        for batch_size in (64, 128)
    ]
    standings = rank(trial(str(place), each, 0, 0.1 + 0.01 * place) for place, each in enumerate(candidates))
    assert main_effects(standings).inseparable == ("learning rate",)
    text = parsed("".join(effects_of_grid(replace(evidence, standings=tuple(standings))))).text
    assert "Not separable from the choices shown: learning rate." in text

"""The numbers in the page are those of the search, and the page stands on its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects  # type: ignore[import-untyped]
import pytest
import torch
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from models.candidate import Candidate
from models.network import build, predict
from models.published import BNET, BRNET
from models.recipe import FAST
from report.conftest import SMALL, Archive, Parsed, Report, parsed, trial
from search.data import DataRequest, Part, Split, load
from search.early_stopping import risk
from search.ensemble_record import logged
from search.history import PastSearch
from search.parsing import parse
from search.report.evidence import gather
from search.report.page import page
from search.results import TrialResult
from search.row_parts import on_part
from spaces import build as build_space

ARGUMENTS = ["space=branching", "dataset=mp", "rows=2000"]
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def search(archive: Archive, mp_split: Split) -> PastSearch:
    """Six networks of the branching grid, two seeds each; the fourth wins, a trial of the last failed."""
    candidates = list(build_space("branching", FAST, BRNET).candidates())[:6]
    trials = [
        trial(f"{place}-{seed}", candidate, seed, 0.2 + 0.01 * abs(place - 3) + 0.002 * seed, seconds=20.0 - place)
        for place, candidate in enumerate(candidates)
        for seed in SEEDS
    ]
    trials[-1] = replace(trials[-1], failure="loss not finite in epoch 3", best_error=float("inf"))
    return archive.record([*ARGUMENTS, "seeds=2"], trials, mp_split)


@pytest.fixture(scope="module")
def seen() -> list[TrialResult]:
    """The trials whose weights the report asked for."""
    return []


@pytest.fixture(scope="module")
def html(search: PastSearch, seen: list[TrialResult]) -> Iterator[str]:
    fetch = PastSearch.product

    def watched(self: PastSearch, result: TrialResult, folder: Path) -> Path:
        seen.append(result)
        return fetch(self, result, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PastSearch, "product", watched)
        yield page(gather(search))


@pytest.fixture(scope="module")
def made(html: str) -> Parsed:
    return parsed(html)


def mean_prediction(part: Part) -> NDArray[np.float64]:
    outputs = [predict(build(SMALL, seed), torch.tensor(part.x))[:, 0].double().numpy() for seed in SEEDS]
    mean: NDArray[np.float64] = np.stack(outputs).mean(axis=0)
    return mean


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("±", "").replace(",", ""))


def test_it_is_well_formed_and_self_contained(made: Parsed, html: str) -> None:
    assert made.problems == []
    assert made.unclosed == []
    assert len(set(made.ids)) == len(made.ids)
    for tag, attributes in made.elements:
        assert tag not in ("link", "iframe", "img")
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(attributes["content"] for _, attributes in made.elements if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert html.count("plotly.js v") == 1


def test_a_screen_reader_finds_its_way(made: Parsed) -> None:
    tags = [tag for tag, _ in made.elements]
    assert tags.count("h1") == 1
    assert tags.count("figure") == tags.count("figcaption")
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in made.elements if tag == "th")
    plots = [attributes for _, attributes in made.elements if attributes.get("class") == "plot"]
    assert {plot["id"] for plot in plots} == set(made.figures)
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in plots)


def test_plotly_knows_everything_in_the_figures(made: Parsed) -> None:
    expected = {"distribution", "pareto-parameters", "pareto-training-time", "learning-curves", "effects"}
    assert set(made.figures) == expected | {"parity-validation", "parity-test", "number-of-elements"}
    for figure in made.figures.values():
        plotly.graph_objects.Figure(figure)  # raises on any name or value that Plotly does not have


def test_rows_and_parts_are_the_cleaning_reports(made: Parsed, mp_split: Split) -> None:
    for rows in (mp_split.report.rows_in, mp_split.report.left_out, len(mp_split.train), len(mp_split.test)):
        assert f"{rows:,}" in made.text
    shares = made.figures["distribution"]["data"][2]["y"]
    assert sum(shares) == pytest.approx(100)


def test_ranking_is_the_searchs(made: Parsed, search: PastSearch) -> None:
    head, *rows = made.tables["ranking-table"]
    assert head[2] == "validation MAE, eV/atom"
    assert [row[1] for row in rows] == [str(s.candidate.architecture) for s in search.standings]
    assert number(rows[0][2]) == pytest.approx(0.201)
    assert number(rows[0][3]) == pytest.approx(0.002 / np.sqrt(2), abs=5e-5)
    assert number(rows[0][5]) == search.standings[0].candidate.architecture.parameter_count()
    assert rows[-1][1] == str(search.standings[-1].candidate.architecture)
    assert "loss not finite in epoch 3" in rows[-1][-1]


def test_the_others_are_compared_with_the_winner(made: Parsed) -> None:
    rows = made.tables["comparison-table"][1:]
    assert [number(row[3]) for row in rows] == pytest.approx([0.01, 0.01, 0.02, 0.03])
    assert {row[2] for row in rows} == {"2"}, "the network with one seed is compared with nobody"
    assert "beats 4 candidates" in made.text
    assert "With 2 seeds only differences of several times their spread can be shown" in made.text


def test_the_ensemble_is_the_searchs(made: Parsed, search: PastSearch) -> None:
    about = logged(search.client, search.parent.info.run_id)
    assert about is not None
    rows = made.tables["ensemble-table"][1:]
    assert [row[1] for row in rows] == [member["network"] for member in about["members"]]
    assert number(rows[0][0]) == pytest.approx(about["members"][0]["weight"], abs=0.006)
    assert f"{about['test_mae']:.4f} eV/atom; the winner's networks have 0.2500" in made.text


def test_rungs_are_measured_where_no_trial_was_stopped(made: Parsed) -> None:
    """All curves fall alike, so that the order at the first rung is that of the end."""
    rows = made.tables["rungs-table"][1:]
    assert [row[:4] for row in rows] == [[epoch, "1.00", "3 of 6", "3"] for epoch in ("5", "15", "45")]
    assert {number(row[4]) for row in rows} == {0.0}
    assert "schedule=one_cycle over 72 epochs" in made.text


def test_failed_trials_have_their_reasons(made: Parsed) -> None:
    assert made.tables["failures"][1:] == [["Middle1[1,1,1] skip leaky", "1", "loss not finite in epoch 3"]]


def test_curves_are_those_logged(made: Parsed, search: PastSearch) -> None:
    traces = made.figures["learning-curves"]["data"]
    winner = next(trace for trace in traces if trace["legendgroup"].startswith("1. ") and trace["xaxis"] == "x2")
    assert winner["y"] == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])
    assert winner["x"] == pytest.approx([3.4, 6.8, 10.2, 13.6, 17.0])
    assert len(traces) == 2 * 11  # two panels; 11 trials came to a result


@pytest.mark.parametrize("name", ["validation", "test"])
def test_worst_twenty_and_mae_by_independent_computation(made: Parsed, mp_split: Split, name: str) -> None:
    part: Part = getattr(mp_split, name)
    errors = mean_prediction(part) - part.y
    worst = np.argsort(-np.abs(errors))[:20]
    rows = made.tables[f"worst-{name}"][1:]
    assert [row[0] for row in rows] == list(part.formulas[worst])
    assert [number(row[1]) for row in rows] == pytest.approx(list(part.y[worst]), abs=6e-5)
    assert [number(row[3]) for row in rows] == pytest.approx(list(errors[worst]), abs=6e-5)
    assert f"MAE {np.abs(errors).mean():.4f} eV/atom" in made.text
    sizes = np.sort(np.abs(errors))
    tenth = round(len(sizes) / 10)
    assert f"The worst tenth of them carries {sizes[-tenth:].sum() / sizes.sum():.0%} of the error." in made.text
    drawn = made.figures[f"parity-{name}"]["data"][1:]
    assert sum(len(trace["x"]) for trace in drawn) == len(part)


def test_only_the_winner_meets_the_test_set(made: Parsed, seen: list[TrialResult], search: PastSearch) -> None:
    assert [result.trial_id for result in seen] == ["3-0", "3-1"]
    assert {result.candidate for result in seen} == {search.standings[0].candidate}


def test_errors_by_element_by_independent_computation(made: Parsed, mp_split: Split) -> None:
    parts = (mp_split.validation, mp_split.test)
    errors = np.concatenate([np.abs(mean_prediction(part) - part.y) for part in parts])
    formulas = [formula for part in parts for formula in part.formulas]
    rows = {row[0]: row[1:] for row in made.tables["elements-table"][1:]}
    for symbol in ("O", "Fe", "Li"):
        members = [symbol in Composition(formula).get_el_amt_dict() for formula in formulas]
        trained = sum(symbol in Composition(formula).get_el_amt_dict() for formula in mp_split.train.formulas)
        assert number(rows[symbol][0]) == pytest.approx(errors[members].mean(), abs=6e-5)
        assert [number(text) for text in rows[symbol][1:]] == [sum(members), trained]
    bars = made.figures["number-of-elements"]["data"][0]
    binary = [len(Composition(formula)) == 2 for formula in formulas]
    assert bars["y"][bars["x"].index("2")] == pytest.approx(errors[binary].mean(), rel=1e-4)


def test_cost_adds_up(made: Parsed, search: PastSearch) -> None:
    total = sum(2 * (20.0 - place) for place in range(6))
    assert f"{total:,.0f} s" in made.text
    assert "12: 11 finished, 1 failed" in made.text


def test_a_search_that_stops_trials_is_told_what_others_measured(
    archive: Archive, search: PastSearch, mp_split: Split, report: Report
) -> None:
    stopping = [*ARGUMENTS, "scheduler=asha"]
    made = report(archive.record(stopping, [trial("a", Candidate(BRNET, FAST))], mp_split))
    assert "on these data space=branching, 6 candidates trained to the end (one_cycle, 72 epochs)" in made.text
    rung = "epoch 5: rho 1.00 (95 % from 0.38 to 1.00); 3 of 6 go on, with 3 of the final best 3; 0.0000 eV/atom lost"
    assert rung in made.text
    assert "take it as a hint" not in made.text
    client = search.client
    other = risk(client, mp_split.fingerprint, parse([*stopping, "recipe.epochs=20", f"tracking.uri={archive.uri}"]))
    assert "not like this one" in other[-1]
    assert "is not known" in risk(client, "another table", parse(stopping))[0]


def test_one_trial_one_seed(archive: Archive, report: Report) -> None:
    made = report(archive.record(["space=branching", "dataset=mp", "rows=300"], [trial("a", Candidate(BRNET, FAST))]))
    assert made.problems == []
    assert "One candidate alone shows no choice." in made.text
    assert "± over seeds" not in made.text


def test_traditional_models_that_were_fitted_once(archive: Archive, report: Report) -> None:
    """What has no epochs has no curve, and what has no number of parameters no column for it."""
    candidates = list(build_space("traditional", replace(FAST, epochs=1), BRNET).candidates())[:3]
    trials = [replace(trial(str(place), each), epochs=1, best_epoch=1) for place, each in enumerate(candidates)]
    made = report(archive.record(["space=traditional", "dataset=mp", "rows=2000"], trials))
    assert "Each model was fitted once, to all rows." in made.text
    assert "learning-curves" not in made.figures
    assert "parameters" not in made.tables["ranking-table"][0] + made.tables["pareto-table"][0]
    assert "parameters" not in made.tables["ensemble-table"][0]


def test_traditional_models_of_an_earlier_version_make_no_ensemble(
    archive: Archive, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They left nothing to choose by, and the search that went on with them ends all the same."""
    monkeypatch.setattr("search.tracking.has_artifact", lambda *_: False)
    candidates = list(build_space("traditional", replace(FAST, epochs=1), BRNET).candidates())[:2]
    trials = [replace(trial(str(place), each), epochs=1, best_epoch=1) for place, each in enumerate(candidates)]
    made = report(archive.record(["space=traditional", "dataset=mp", "rows=2000"], trials))
    assert "This search chose no ensemble." in made.text


def test_no_trial_came_to_a_result(archive: Archive, report: Report) -> None:
    failed = trial("a", Candidate(BRNET, FAST), failure="loss not finite in epoch 1", error=float("inf"))
    made = report(archive.record(["space=branching", "dataset=mp", "rows=300"], [failed]))
    assert made.problems == []
    assert "No trial of this search came to a result." in made.text
    assert made.tables["failures"][1][2] == "loss not finite in epoch 1"


def test_a_trial_on_part_of_the_rows_that_failed_has_its_reason(archive: Archive, report: Report) -> None:
    small = on_part(Candidate(BRNET, FAST), 1 / 9)
    trials = [
        trial("a", Candidate(BRNET, FAST)),
        trial("b", small),
        trial("c", small, 1, failure="no memory", error=9.0),
    ]
    made = report(archive.record(["space=branching", "dataset=mp", "rows=2000", "scheduler=rows"], trials))
    assert made.tables["failures"][1] == ["Top[2,2] skip leaky, 1/9 of the rows", "1", "no memory"]
    assert len(made.tables["ranking-table"]) == 2


def test_the_first_of_a_ranking_is_not_said_to_have_the_lowest_error_where_it_has_not(
    archive: Archive, report: Report
) -> None:
    networks = [Candidate(network, FAST) for network in (BRNET, BNET)]
    trials = [trial(f"a{seed}", networks[0], seed, 0.2) for seed in range(2)]
    trials += [trial("b0", networks[1], 0, 0.1), trial("b1", networks[1], 1, 9.0, failure="no memory")]
    made = report(archive.record(["space=branching", "dataset=mp", "rows=2000", "seeds=2"], trials))
    assert "Top[2,2] skip leaky stands first, with a validation MAE, 0.2000" in made.text
    assert "stands before the second" in made.text
    assert "has the lowest" not in made.text
    assert "leads" not in made.text


def test_the_best_epoch_told_is_that_of_all_seeds_and_epochs(archive: Archive, report: Report) -> None:
    """Three seeds are drawn; the best is the fifth."""
    trials = [trial(str(seed), Candidate(BRNET, FAST), seed, 0.2 - seed / 100) for seed in range(5)]
    made = report(archive.record(["space=branching", "dataset=mp", "rows=2000", "seeds=5"], trials))
    assert "reached its lowest validation MAE of 0.1600 eV/atom in epoch 5 of 5" in made.text


def test_a_sampled_space_with_many_seeds(archive: Archive, report: Report) -> None:
    generator = np.random.default_rng(0)
    trials = []
    for place in range(9):
        rate = 10.0 ** generator.uniform(-5, -2)
        candidate = Candidate(BRNET, replace(FAST, learning_rate=rate, schedule="cosine" if place % 2 else "constant"))
        error = 0.1 + 0.1 * abs(np.log10(rate) + 3)
        trials += [trial(f"{place}-{seed}", candidate, seed, error + 0.001 * seed) for seed in range(3)]
    arguments = ["space=hyperparameters", "dataset=mp", "rows=300", "seeds=3", "trials=9"]
    made = report(archive.record(arguments, trials))
    assert made.problems == []
    assert made.figures["importance"]["data"][0]["y"][-1] == "learning rate"
    assert "slice-learning_rate" in made.figures
    for figure in made.figures.values():
        plotly.graph_objects.Figure(figure)


def test_what_a_user_wrote_is_text_and_never_markup(archive: Archive, report: Report, in_tmp: Path) -> None:
    target = '<script>alert("1")</script> & $E$'
    shipped = load(DataRequest("mp", rows=200)).train
    rows = [f"{formula},{y}" for formula, y in zip(shipped.formulas, shipped.y, strict=True)]
    column = '"' + target.replace('"', '""') + '"'
    Path("mine.csv").write_text("\n".join([f"formula,{column}", *rows, "<img src=x onerror=alert(2)>,1"]) + "\n")
    arguments = ["space=branching", "dataset=csv", f"path={in_tmp}/mine.csv", f"target={target}"]
    made = report(archive.record(arguments, [trial("a", Candidate(BRNET, FAST))]))
    assert made.problems == []
    assert target in made.text
    assert "<img src=x" in made.tables["rejected"][1][2]
    assert not [tag for tag, _ in made.elements if tag == "img"]
    title = made.figures["distribution"]["layout"]["xaxis"]["title"]["text"]
    assert "<" not in title
    assert "eV" not in made.text

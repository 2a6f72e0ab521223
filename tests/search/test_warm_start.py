"""Memory: what earlier searches know is not trained again, and what was best elsewhere comes first."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import optuna
import pytest
import torch
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from report.conftest import parsed

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.checkpoint import load_network, save_network
from models.network import build as build_network
from models.network import predict
from models.published import BRNET
from models.recipe import FAST
from search.checkpoints import key_of, product_of
from search.data import Split, load
from search.errors import UserError
from search.history import PastSearch, open_search
from search.inference.predictor import Predictor
from search.inference.registry import find_model, load_model, open_registry
from search.journal import Journal
from search.opening import Opening, keep, kept
from search.parent_run import DATA_TAG
from search.parsing import parse
from search.register import main as register
from search.report.__main__ import main as report
from search.results import TrialResult
from search.run import main
from search.sampled import SampledSearcher
from search.store import open_store
from search.taking_over import Earlier, copy_trial
from search.tracking import Tracker
from search.trial import METRIC
from search.warm_start import WarmStart, warm_start
from spaces import build

SAMPLED = ["space=hyperparameters", "dataset=mp", "rows=2000", "seeds=2"]
LISTED = ["space=branching", "dataset=mp", "rows=2000"]
SPACE = build("hyperparameters", FAST, BRNET)
GRID = list(build("branching", FAST, BRNET).candidates())

Drawn = tuple[Candidate, dict[str, Any]]


def draw(count: int, seed: int) -> list[Drawn]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trials = [study.ask() for _ in range(count)]
    return [(SPACE.suggest(trial), trial.params) for trial in trials]


HERE, ELSEWHERE = draw(4, 0), draw(12, 1)


def trial(candidate: Candidate, seed: int, error: float, reason: str = "all epochs") -> TrialResult:
    key = key_of({"candidate": candidate.to_json(), "seed": seed})
    return TrialResult(key, candidate, seed, 60, 50, error, 7.5, reason)


def record(experiment: str, arguments: list[str], split: Split, trials: list[TrialResult], drawn: list[Drawn]) -> str:
    """Write a search as one that was run, its weights those of a small network; its run's id."""
    config = parse([*arguments, f"experiment={experiment}", f"name=search-{experiment}"])
    tracker = Tracker(config, split, open_store(config.tracking.uri, config.experiment))
    parameters = {candidate.to_json(): params for candidate, params in drawn}
    for result in trials:
        tracker.begin(result.trial_id, result.candidate, result.seed, parameters.get(result.candidate.to_json()))
        product = Path(experiment) / result.trial_id / product_of(result.candidate)
        product.parent.mkdir(parents=True)
        save_network(product, build_network(Architecture(groups=(Group(4, 1),)), result.seed))
        tracker.end(result, product)
    tracker.close("FINISHED")
    return tracker.parent


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, mp_split: Split) -> Iterator[dict[str, str]]:
    """A store with searches in the working folder: experiment -> run."""
    here = [trial(HERE[n][0], seed, 0.1 * (n + 1)) for n in (0, 1) for seed in (0, 1)]
    here += [trial(HERE[2][0], 0, 0.05), trial(HERE[3][0], 0, 0.9, "stopped by asha")]
    elsewhere = [trial(candidate, 0, 1.0 - 0.01 * n) for n, (candidate, _) in enumerate(ELSEWHERE)]
    grid = [trial(candidate, 0, 0.1 * (n + 1)) for n, candidate in enumerate((GRID[7], GRID[3]))]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("memory"))
        patch.setattr("search.tracking.code_version", lambda: "0123456789ab")
        made = {
            "elsewhere": record("elsewhere", SAMPLED, mp_split, elsewhere, ELSEWHERE),
            "grid": record("grid", LISTED, mp_split, grid, []),
            "grid-elsewhere": record("grid-elsewhere", LISTED, mp_split, grid, []),
            "here": record("here", SAMPLED, mp_split, here, HERE),
        }
        client = MlflowClient("sqlite:///mlflow.db")
        for name in ("elsewhere", "grid-elsewhere"):
            client.set_tag(made[name], DATA_TAG, "another fingerprint")
        client.create_experiment("empty")
        yield made


def start(arguments: list[str], name: str, split: Split) -> WarmStart:
    config = parse([*arguments, f"warm_start={name}"])
    space = build(config.space.name, config.recipe, BRNET)
    return warm_start(config, space, split)


@pytest.mark.parametrize("name", ["here", "latest", "run", "search-here"])
def test_points_that_are_known_with_every_seed_are_evaluated(name: str, runs: dict[str, str], mp_split: Split) -> None:
    found = start(SAMPLED, runs["here"] if name == "run" else name, mp_split)
    opening = found.opening
    assert opening.free == 2
    assert opening.points[:2] == [HERE[0][1], HERE[1][1]]
    assert opening.points[2:] == [HERE[2][1], HERE[3][1]], "what lacks a seed or was cut short is a guess, by rank"
    assert set(opening.known) == {
        trial(HERE[n][0], seed, 0).trial_id for n, seed in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    }
    assert "4 trials are taken over whole and train nothing, 1 more are known" in found.words
    assert "2 of their best candidates come first as guesses" in found.words


def test_of_other_data_the_best_are_guesses_and_nothing_is_known(runs: dict[str, str], mp_split: Split) -> None:
    found = start(SAMPLED, "elsewhere", mp_split)
    assert (found.opening.known, found.opening.free) == ({}, 0)
    assert found.opening.points == [params for _, params in reversed(ELSEWHERE[2:])]
    assert "nothing is taken over (other data or another version" in found.words
    assert "10 of their best candidates come first as guesses. Left: 2 stand behind the first 10." in found.words


def test_with_another_recipe_nothing_is_known(runs: dict[str, str], mp_split: Split) -> None:
    opening = start([*SAMPLED, "recipe.epochs=3"], "here", mp_split).opening
    assert opening.free == 0
    assert opening.points == [HERE[n][1] for n in (2, 0, 1, 3)], "by rank"


def test_results_of_other_training_code_are_not_taken_over(
    runs: dict[str, str], mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.archive.training_code", lambda: "another")
    opening = start(SAMPLED, "here", mp_split).opening
    assert (opening.known, opening.free, len(opening.points)) == ({}, 0, 4)


@pytest.mark.parametrize(("name", "free"), [("grid", 2), ("grid-elsewhere", 0)])
def test_a_finite_space_begins_with_what_is_known_or_was_best(
    name: str, free: int, runs: dict[str, str], mp_split: Split
) -> None:
    opening = start(LISTED, name, mp_split).opening
    first = [GRID[3], GRID[7]] if free else [GRID[7], GRID[3]]
    assert (opening.free, len(opening.known)) == (free, free)
    assert opening.ordered(GRID) == [*first, *(c for c in GRID if c not in first)]


def test_what_is_not_in_the_space_is_left_and_said(runs: dict[str, str], mp_split: Split) -> None:
    found = start(LISTED, "here", mp_split)
    assert found.opening.first == []
    assert "are not in this space" in found.words


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("elsewere", r"is no experiment .* did you mean elsewhere"),
        ("0" * 32, r"warm_start=0+ is no run"),
        ("empty", r"holds no search"),
    ],
)
def test_a_name_of_nothing_is_said(name: str, sentence: str, runs: dict[str, str], mp_split: Split) -> None:
    with pytest.raises(UserError, match=sentence):
        start(SAMPLED, name, mp_split)


class Entering:
    """What enters trials that are known into the journal, as `Watch` does."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def enter(self, result: TrialResult) -> None:
        self.journal.ended(result, again=False)


def search_on(folder: Path, opening: Opening, most: int) -> tuple[SampledSearcher, list[str]]:
    """A warm-started search from its journal on, until so many trials are trained in this session; their keys."""
    folder.mkdir(exist_ok=True)
    journal = Journal(folder)
    opening = keep(opening, journal)
    searcher = SampledSearcher(SPACE, 16 + opening.free, (0, 1), journal, opening=opening)
    searcher.earlier = Earlier(opening.known, Entering(journal))  # type: ignore[arg-type]
    trained: list[str] = []
    while len(trained) < most and isinstance(config := searcher.suggest(f"t{len(trained)}"), dict):
        error = Candidate.from_json(config["candidate"]).recipe.learning_rate + 0.01 * config["seed"]
        searcher.on_trial_complete(f"t{len(trained)}", {METRIC: error, "training_seconds": 1.0})
        result = trial(Candidate.from_json(config["candidate"]), config["seed"], error)
        journal.ended(replace(result, seconds=1.0), again=False)
        trained.append(result.trial_id)
    return searcher, trained


@pytest.mark.parametrize("cut_after", [0, 1, 5, 30])
def test_a_resumed_warm_start_is_that_of_an_undisturbed_search(
    cut_after: int, runs: dict[str, str], mp_split: Split, tmp_path: Path
) -> None:
    opening = start(SAMPLED, "here", mp_split).opening
    whole, trained = search_on(tmp_path / "whole", opening, 99)
    _, first = search_on(tmp_path / "cut", opening, cut_after)
    resumed, then = search_on(tmp_path / "cut", Opening(), 99)  # which the journal knows better
    assert kept(Journal(tmp_path / "cut")) == opening
    assert [*first, *then] == trained
    assert not set(trained) & set(opening.known), "what is known is never trained"
    assert len(trained) == 2 * 16 - 1, "the third candidate lacks one seed alone"
    assert list(resumed.studied) == list(whole.studied)
    known = [point for candidate, point in whole.studied.items() if candidate in {c.to_json() for c, _ in HERE[:2]}]
    assert [whole.study.trials[point].value for point in known] == pytest.approx([0.1, 0.2])


def test_a_search_takes_over_trials_with_their_curves_and_weights(
    narrow_networks: None, shared_ray: None, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two real searches: of the second's three candidates, two were trained by the first."""
    arguments = ["space=branching", "dataset=mp", "rows=300", "recipe.epochs=1", "recipe.batch_size=256"]
    arguments += ["cpus_per_trial=1", "max_concurrent=1"]
    assert main([*arguments, "trials=2"]) == 0
    first = open_search("latest", "sqlite:///mlflow.db")
    assert main([*arguments, "trials=1", "warm_start=latest", "dry_run=true"]) == 0
    assert "2 trials are taken over" in capsys.readouterr().out
    assert main([*arguments, "trials=1", f"warm_start={first.parent.info.run_id}"]) == 0
    printed = capsys.readouterr().out
    assert "2 trials are taken over whole and train nothing" in printed
    assert "3/3" in printed
    second = open_search("latest", "sqlite:///mlflow.db")
    client = second.client
    taken = {run.data.tags["taken_from"]: run for result, run in second.trials if result.taken_from}
    assert len(second.trials) == 3
    assert set(taken) == {run.info.run_id for _, run in first.trials}
    for result, source in first.trials:
        run = taken[source.info.run_id]
        before, now = (client.get_metric_history(r.info.run_id, "validation_mae") for r in (source, run))
        assert [(m.step, m.value, m.timestamp) for m in now] == [(m.step, m.value, m.timestamp) for m in before] != []
        old, new = (search.product(result, in_tmp / name) for search, name in ((first, "old"), (second, "new")))
        assert old.read_bytes() == new.read_bytes()
        assert run.data.metrics["training_seconds"] == source.data.metrics["training_seconds"]
        assert run.data.metrics["rank"] in (1, 2, 3)
        assert run.info.status == "FINISHED"
    of_a_taken_trial_there_are_page_and_model(second, taken, first, in_tmp)


def test_weights_that_cannot_be_fetched_now_are_told_to_the_writer_and_those_that_are_gone_are_not(
    runs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow being away in the middle of a copy is no reason to leave it."""
    past = open_search(runs["here"], "sqlite:///mlflow.db")
    result, source = past.trials[0]
    written: list[Any] = []
    tracker = SimpleNamespace(client=past.client, children={result.trial_id: source.info.run_id}, epoch_metrics=[],
                              writer=SimpleNamespace(put=written.append))  # fmt: skip
    copy_trial(cast(Tracker, tracker), result, source.info.run_id)

    def away(*_: object) -> Path:
        raise MlflowException("connection refused")

    monkeypatch.setattr("search.taking_over.download", away)
    with pytest.raises(MlflowException, match="connection refused"):
        written[0]()
    monkeypatch.setattr("search.taking_over.has_artifact", lambda *_: False)
    written[0]()


def of_a_taken_trial_there_are_page_and_model(
    second: PastSearch, taken: dict[str, Run], first: PastSearch, folder: Path
) -> None:
    assert report(["run=latest", "output=report.html"]) == 0
    page = parsed(Path("report.html").read_text())
    assert page.problems == []
    names = {row[1] for row in page.tables["ranking-table"][1:]}
    assert {str(run.info.run_name) for _, run in second.trials} == names
    result, source = first.trials[0]
    assert register(["run=latest", f"trial={taken[source.info.run_id].info.run_id}", "name=taken"]) == 0
    client = open_registry("sqlite:///mlflow.db")
    model = load_model(client, find_model(client, "taken"))
    assert isinstance(model, Predictor)
    network, _ = load_network(first.product(result, folder / "registered"))
    x = load(first.config.data).test.x
    expected = predict(network, torch.tensor(x))[:, 0].numpy()
    np.testing.assert_allclose(model.predict_fractions(x).value, expected, rtol=1e-5, atol=1e-5)

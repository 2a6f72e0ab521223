"""The Pareto front at the end of a search: on the terminal, in MLflow's runs, table and picture, and in the report."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import image
from rich.console import Console

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.conclusion import TestError, write_conclusion
from search.data import Split
from search.history import open_search
from search.pareto import places, show_front, write_front
from search.parsing import parse
from search.report.evidence import Evidence
from search.report.pareto import pareto_section
from search.results import OUT_OF_TIME, Standing, TrialResult, rank
from search.store import children_of, open_store
from search.tracking import NOTE_TAG, Tracker

OBJECTIVES = ("validation_mae", "parameters", "training_seconds")


def trials(width: int, errors: tuple[float, ...], seconds: float) -> list[TrialResult]:
    """A network of a width from as many seeds as errors."""
    candidate = Candidate(Architecture(groups=(Group(width, 1),)), FAST)
    return [
        TrialResult(f"{width} {seed}", candidate, seed, 3, 2, error, seconds, "all epochs")
        for seed, error in enumerate(errors)
    ]


RESULTS = [
    *trials(64, (0.10, 0.12), 9.0),
    *trials(32, (0.20, 0.21), 8.0),
    *trials(16, (0.19, 0.20), 9.5),  # smaller and better than 32, but slower
    *trials(40, (0.25, 0.25), 8.5),  # beaten by 32 in all three
    TrialResult("bad", Candidate(Architecture(groups=(Group(8, 1),)), FAST), 0, failure="loss not finite in epoch 1"),
]
FRONT = [16, 32, 64]


def width_of(standing: Standing) -> int:
    return standing.candidate.architecture.groups[0].width


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory, mp_split: Split) -> Iterator[Tracker]:
    """A search with three objectives, as it ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("pareto"))
        yield recorded(mp_split)


def recorded(mp_split: Split) -> Tracker:
    config = parse(["space=hyperparameters", f"objectives=[{','.join(OBJECTIVES)}]", "seeds=2", "sampler=random"])
    tracker = Tracker(config, mp_split, open_store(config.tracking.uri, config.experiment))
    for result in RESULTS:
        tracker.begin(result.trial_id, result.candidate, result.seed)
        tracker.end(result, None)
    tracker.writer.flush()
    write_conclusion(rank(RESULTS), TestError((0.25, 0.35)), mp_split, tracker)
    write_front(rank(RESULTS), OBJECTIVES, mp_split.unit, tracker)
    tracker.close("FINISHED")
    return tracker


def test_mlflow_knows_who_is_on_the_front(tracker: Tracker, tmp_path: Path) -> None:
    filtered = tracker.client.search_runs([tracker.experiment_id], "tags.pareto = 'front'")
    expected = {f"{width} {seed}" for width in FRONT for seed in (0, 1)}
    assert {run.data.tags["branchsearch.trial"] for run in filtered} == expected
    runs = children_of(tracker.client, tracker.experiment_id, tracker.parent)
    tags = {run.data.tags["branchsearch.trial"]: run.data.tags.get("pareto") for run in runs}
    assert (tags["40 0"], tags["bad"]) == ("dominated", None)
    parent = tracker.client.get_run(tracker.parent)
    assert parent.data.params["objectives"] == " ".join(OBJECTIVES)
    assert parent.data.params["sampler"] == "random"
    words = "Pareto front of validation MAE, parameters and training seconds: 3 of 4 candidates"
    assert f"{words}, the cheapest first, are those of rank 2, 3, 1" in parent.data.tags[NOTE_TAG]

    table = Path(tracker.client.download_artifacts(tracker.parent, "pareto.csv", str(tmp_path))).read_text()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["on the front"], row["rank"], row["beats"]) for row in rows] == [
        ("yes", "2", "0"), ("yes", "3", "1"), ("yes", "1", "0"), ("no", "4", "0"),
    ]  # fmt: skip
    assert [float(row["training_seconds"]) for row in rows] == [9.5, 8.0, 9.0, 8.5]
    picture = image.imread(tracker.client.download_artifacts(tracker.parent, "pareto.png", str(tmp_path)))
    assert min(picture.shape[:2]) > 500
    assert picture[..., :3].min() < 0.2 < picture[..., :3].max(), "marks are dark on light"


def test_who_was_cut_off_is_not_on_a_front_of_seconds() -> None:
    cut_off = [replace(result, stop_reason=OUT_OF_TIME) for result in trials(10, (0.9,), 0.5)]
    standings = rank([*trials(8, (0.1,), 9.0), *trials(9, (0.2,), 5.0), *cut_off])
    assert [width_of(p.standing) for p in places(standings, ("validation_mae", "training_seconds"))] == [9, 8]
    assert len(places(standings, ("validation_mae", "parameters"))) == 3


def test_the_terminal_shows_the_front_with_the_spread_over_seeds() -> None:
    printed = io.StringIO()
    show_front(rank(RESULTS), ("validation_mae", "parameters"), FAST, "eV/atom", Console(file=printed, width=120))
    heading, _, *rows = printed.getvalue().strip().splitlines()
    assert heading == "Pareto front of validation MAE and parameters: 2 of 4 candidates, the cheapest first"
    assert [row.split()[0] for row in rows] == ["2", "1"]
    assert "0.1100 ± 0.0141" in " ".join(rows[1].split())
    assert rows[0].split()[-1] == "2", "it beats 32 and 40"


def test_the_report_has_the_front_of_all_objectives(tracker: Tracker, mp_split: Split) -> None:
    search = open_search(tracker.parent, tracker.store.uri)
    section = str(pareto_section(Evidence(search, mp_split, tuple(search.standings), None)))
    assert "lowered validation MAE, parameters and training seconds together: 3 of 4 candidates" in section
    assert "on the front by both" in section
    alone = replace(search, config=replace(search.config, objectives=()))
    section = str(pareto_section(Evidence(alone, mp_split, tuple(search.standings), None)))
    assert "together" not in section
    assert "on the front by both" not in section

"""What a search cost, and how far it came."""

from dataclasses import replace

import pytest
from mlflow.entities import Run, RunData, RunInfo, RunTag

from models.candidate import Candidate
from models.published import BNET, BRNET
from models.recipe import FAST
from report.conftest import Archive, parsed, trial
from search.data import Split
from search.report.cost import cost_section
from search.report.evidence import Evidence, gather
from search.results import OUT_OF_TIME, rank
from search.row_parts import on_part
from search.tracking import PAUSED_TAG

STARTED = 1_700_000_000_000
"""Milliseconds since 1970: 22:13 UTC on the 14th of November 2023."""


@pytest.fixture(scope="module")
def evidence(archive: Archive, mp_split: Split) -> Evidence:
    """Two networks, two seeds each; the second seed of the second failed."""
    networks = [Candidate(network, FAST) for network in (BRNET, BNET)]
    trials = [trial(f"{place}{seed}", each, seed, 0.2, seconds=60.0) for place, each in enumerate(networks)
              for seed in range(2)]  # fmt: skip
    trials[-1] = replace(trials[-1], failure="no memory", best_error=float("inf"), seconds=20.0)
    return gather(archive.record(["space=branching", "dataset=mp", "rows=2000", "seeds=2"], trials, mp_split))


def lasting(evidence: Evidence, seconds: float | None, status: str = "FINISHED") -> Evidence:
    """The same search, begun at `STARTED`; one that still runs has no end."""
    info, search = evidence.search.parent.info, evidence.search
    end = None if seconds is None else STARTED + int(1000 * seconds)
    times = RunInfo(info.run_id, info.experiment_id, info.user_id, status, STARTED, end, "active", info.artifact_uri)
    return replace(evidence, search=replace(search, parent=Run(times, search.parent.data)))


def text_of(evidence: Evidence) -> str:
    return parsed(cost_section(evidence)).text


def test_training_and_wall_time(evidence: Evidence) -> None:
    text = text_of(lasting(evidence, 80.0))
    assert "training time, all trials200 s (3 min)" in text
    assert "wall time80 s (80 s)" in text
    assert "trials training at a time2.5 on average" in text
    assert "epochs, all trials20" in text
    assert "started2023-11-14 22:13 UTC" in text
    assert "10.0 % of the training time went into failed trials." in text
    assert "Every trial that ended is in this page: 4 trials." in text


def test_the_wall_time_of_a_search_under_way_is_until_now(evidence: Evidence) -> None:
    assert lasting(evidence, None).wall_seconds > 1e6


def test_the_wall_time_leaves_out_pauses_before_a_resume(evidence: Evidence) -> None:
    search = lasting(evidence, 80.0).search
    tags = [RunTag(key, value) for key, value in {**search.parent.data.tags, PAUSED_TAG: "50"}.items()]
    resumed = Run(search.parent.info, RunData(tags=tags))
    assert replace(evidence, search=replace(search, parent=resumed)).wall_seconds == 30


def test_a_search_that_goes_on_has_not_the_end_that_its_run_had_before(evidence: Evidence) -> None:
    assert lasting(evidence, 80.0, "RUNNING").wall_seconds > 1e6


def test_what_earlier_searches_spent_is_told_apart(evidence: Evidence) -> None:
    """It is no training time of this search, whose trials at a time would come out too many."""
    trials = [
        (replace(result, taken_from="a" * 32) if result.trial_id in ("00", "01") else result, run)
        for result, run in evidence.search.trials
    ]
    taken = replace(evidence, search=replace(evidence.search, trials=tuple(trials)))
    text = text_of(lasting(taken, 80.0))
    assert "training time, all trials80 s (80 s)" in text
    assert "training time that earlier searches had spent120 s (2 min)" in text
    assert "trials training at a time1.0 on average" in text
    assert "epochs, all trials10" in text
    assert "25.0 % of the training time" in text
    assert "earlier searches" not in text_of(evidence)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("RUNNING", "The search was still running when this page was made."),
        ("KILLED", "The search was interrupted: only what was done by then is shown."),
    ],
)
def test_a_search_that_has_not_come_to_its_end_says_so(evidence: Evidence, status: str, said: str) -> None:
    text = text_of(lasting(evidence, 80.0, status))
    assert said in text
    assert "Every trial that ended" not in text


def test_repeats_that_the_time_budget_cut_off_are_not_in_the_ranking_and_told(evidence: Evidence) -> None:
    cut = [
        (replace(result, stop_reason=OUT_OF_TIME) if result.trial_id == "01" else result, run)
        for result, run in evidence.search.trials
    ]
    standings = tuple(rank(result for result, _ in cut))
    found = replace(evidence, search=replace(evidence.search, trials=tuple(cut)), standings=standings)
    said = "Every trial that ended is in this page: 3 trials, but for 1 repeat that the time budget cut off."
    assert said in text_of(lasting(found, 80.0))


def test_trials_on_part_of_the_rows_are_no_repeats_that_were_cut_off(evidence: Evidence) -> None:
    result, run = evidence.search.trials[0]
    small = replace(result, trial_id="small", candidate=on_part(result.candidate, 1 / 9))
    found = replace(evidence, search=replace(evidence.search, trials=(*evidence.search.trials, (small, run))))
    assert "Every trial that ended is in this page: 4 trials." in text_of(found)


def test_devices_are_those_that_were_logged(evidence: Evidence) -> None:
    assert "devicesnot recorded" in text_of(evidence)
    search = evidence.search
    search.client.log_param(evidence.run_id, "devices", "2 CPU cores")
    logged = replace(evidence, search=replace(search, parent=search.client.get_run(evidence.run_id)))
    assert "devices2 CPU cores" in text_of(logged)

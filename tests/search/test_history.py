"""Searches read back from MLflow are the searches that were run."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.checkpoint import load_network, save_network
from models.network import build
from models.published import BNET, BRNET
from models.recipe import FAST
from search.config import SearchConfig
from search.data import Split
from search.errors import UserError
from search.history import POINTER_FILE, open_search, pointed_at
from search.journal import Journal
from search.opening import Opening, keep, kept
from search.parent_run import CONFIG_TAG, open_parent
from search.parsing import parse
from search.results import TrialResult
from search.row_parts import on_part
from search.settings import DEFAULT_URI
from search.store import open_store
from search.tracking import CANDIDATE_TAG, TAKEN_TAG, Tracker
from search.versions import TRAINING_CODE, training_code, versions_since
from spaces import build as build_space
from spaces.listed import Listed

URI = "sqlite:///mlflow.db"
SMALL = Architecture(groups=(Group(8, 2),))


def record(config: SearchConfig, split: Split, results: list[TrialResult], folder: Path) -> str:
    """Write trials as a search does; the parent's run id."""
    tracker = Tracker(config, split, open_store(config.tracking.uri, config.experiment))
    for result in results:
        tracker.begin(result.trial_id, result.candidate, result.seed)
        weights = folder / result.trial_id / "network.npz"
        weights.parent.mkdir()
        save_network(weights, build(SMALL, result.seed))
        tracker.end(result, None if result.failure else weights)
    tracker.close("FINISHED")
    return tracker.parent


def trial(name: str, architecture: Architecture, seed: int, error: float, failure: str | None = None) -> TrialResult:
    reason = "" if failure else "all epochs"
    return TrialResult(name, Candidate(architecture, FAST), seed, 7, 5, error, 12.5, reason, failure)


def test_a_search_of_a_version_to_come_is_said_to_be_one(in_tmp: Path, mp_split: Split) -> None:
    config = parse(["space=branching", "dataset=mp", "rows=2000"])
    parent = record(config, mp_split, [trial("a", BRNET, 0, 0.125)], in_tmp)
    past = open_search(parent, URI)
    for run, tag in ((past.parent, CONFIG_TAG), (past.trials[0][1], CANDIDATE_TAG)):
        for text in ("{}", '{"space":', "[]"):
            past.client.set_tag(run.info.run_id, tag, text)
            with pytest.raises(UserError, match=f"cannot read the search {parent} .*: use the version that ran it"):
                open_search("latest", URI)
        past.client.set_tag(run.info.run_id, tag, run.data.tags[tag])
    assert open_search(parent, URI).config == config


def test_a_search_comes_back_as_it_was(in_tmp: Path, mp_split: Split) -> None:
    config = parse(["space=branching", "dataset=mp", "rows=2000", "seeds=2"])
    results = [
        trial("a", BRNET, 0, 0.125),
        trial("b", BRNET, 1, 0.115),
        trial("c", BNET, 0, float("inf"), "loss not finite in epoch 3"),
    ]
    first = record(config, mp_split, results, in_tmp)
    (in_tmp / "later").mkdir()
    second = record(parse(["space=components"]), mp_split, [trial("d", BNET, 0, 0.2)], in_tmp / "later")

    search = open_search(first, URI)
    assert search.config == config
    assert [result.trial_id for result, _ in search.trials] == ["a", "b", "c"]
    assert search.trials[0][0] == results[0]
    assert search.trials[2][0].failure == "loss not finite in epoch 3"
    assert search.standings[0].mean_error == pytest.approx(0.12)
    network, _ = load_network(search.product(results[1], in_tmp / "copies"))
    assert torch.equal(network.output.weight, build(SMALL, 1).output.weight)

    assert open_search("latest", URI).parent.info.run_id == second
    assert open_search(search.trials[0][1].info.run_id, URI).parent.info.run_id == first
    assert open_search(first[:8], URI).parent.info.run_id == first


def test_a_search_is_found_by_its_name_where_one_alone_has_it(in_tmp: Path, mp_split: Split) -> None:
    ids = []
    for number, name in enumerate(("gaps, wide", "again", "again")):
        (in_tmp / str(number)).mkdir()
        config = parse(["space=branching", "dataset=mp", f"name={name}"])
        ids.append(record(config, mp_split, [trial("a", BRNET, 0, 0.1)], in_tmp / str(number)))
    assert open_search("gaps, wide", URI).parent.info.run_id == ids[0]
    with pytest.raises(UserError, match="run=again is what 2 searches are called") as several:
        open_search("again", URI)
    assert ids[1] in str(several.value)
    assert ids[2] in str(several.value)


def test_a_search_is_found_by_its_folder_and_in_the_store_that_this_names(in_tmp: Path, mp_split: Split) -> None:
    """Unless another store is asked for: the folder may have come from another machine."""
    config, folder = parse(["space=branching", "dataset=mp"]), in_tmp / "runs" / "branching-20261127-120000"
    folder.mkdir(parents=True)
    trackers = [Tracker(config, mp_split, open_store(uri, "mine"), folder) for uri in (URI, "sqlite:///other.db")]
    for tracker in trackers:
        tracker.close("FINISHED")
    here, other = (tracker.parent for tracker in trackers)
    assert open_search(folder.name, URI).parent.info.run_id == here
    pointer = {"run": other, "uri": "sqlite:///other.db"}
    (folder / POINTER_FILE).write_text(json.dumps(pointer))
    assert pointed_at(str(folder), DEFAULT_URI) == (other, "sqlite:///other.db")
    assert pointed_at(str(folder), "sqlite:///third.db") == (other, "sqlite:///third.db")
    assert pointed_at("latest", URI) == ("latest", URI)
    assert open_search(str(folder), DEFAULT_URI).parent.info.run_id == other


def test_an_id_s_beginning_is_taken_from_six_characters_on(in_tmp: Path, mp_split: Split) -> None:
    parent = record(parse(["space=branching", "dataset=mp"]), mp_split, [], in_tmp)
    assert open_search(parent[:6], URI).parent.info.run_id == parent
    with pytest.raises(UserError, match=f"run={parent[:5]} is no run"):
        open_search(parent[:5], URI)


def test_of_many_searches_of_one_name_some_are_told_with_their_times(in_tmp: Path, mp_split: Split) -> None:
    config = parse(["space=branching", "dataset=mp", "name=again"])
    store = open_store(config.tracking.uri, config.experiment)
    ids = [open_parent(store.client, store.experiment_id, config, mp_split, None) for _ in range(7)]
    with pytest.raises(UserError, match="what 7 searches are called") as several:
        open_search("again", URI)
    assert sorted(several.value.args[0].count(run_id) for run_id in ids) == [0, 0, 1, 1, 1, 1, 1]
    assert f"of {time.strftime('%Y-%m-')}" in str(several.value)


def test_a_trial_that_was_interrupted_or_goes_on_is_none_of_the_results(in_tmp: Path, mp_split: Split) -> None:
    config = parse(["space=branching", "dataset=mp", "rows=2000"])
    tracker = Tracker(config, mp_split, open_store(config.tracking.uri, config.experiment))
    for name, status in (("ended", "FINISHED"), ("cut", "KILLED"), ("failed", "FAILED"), ("running", "RUNNING")):
        tracker.begin(name, Candidate(BRNET, FAST), 0)
        tracker.writer.flush()
        tracker.client.update_run(tracker.children[name], status=status)
    tracker.close("FINISHED")
    assert [result.trial_id for result, _ in open_search(tracker.parent, URI).trials] == ["ended", "failed"]


def test_errors_on_part_of_the_rows_come_back_and_do_not_compare(in_tmp: Path, mp_split: Split) -> None:
    config = parse(["space=joint", "dataset=mp", "rows=2000", "scheduler=rows", "trials=9"])
    results = [
        replace(trial("all", BRNET, 0, 0.2), stop_reason="all epochs"),
        replace(trial("part", BRNET, 0, 0.1), candidate=on_part(Candidate(BRNET, FAST), config.parts[0])),
    ]
    search = open_search(record(config, mp_split, results, in_tmp), URI)
    assert [(result.trial_id, result.best_error) for result, _ in search.trials] == [("all", 0.2), ("part", 0.1)]
    assert [result.trial_id for result, _ in search.finals] == ["all"]
    assert [standing.mean_error for standing in search.standings] == [0.2]


def test_a_result_that_was_taken_over_says_from_where(in_tmp: Path, mp_split: Split) -> None:
    parent = record(parse(["space=branching", "dataset=mp"]), mp_split, [trial("a", BRNET, 0, 0.1)], in_tmp)
    search = open_search(parent, URI)
    search.client.set_tag(search.trials[0][1].info.run_id, TAKEN_TAG, "f" * 32)
    assert open_search(parent, URI).trials[0][0].taken_from == "f" * 32


def test_a_run_of_something_else_is_not_taken_for_a_search(in_tmp: Path) -> None:
    store = open_store(URI, "mine")
    run_id = store.client.create_run(store.experiment_id).info.run_id
    with pytest.raises(UserError, match=f"warm_start={run_id} is a run of MLflow, but not of a search"):
        open_search(run_id, URI, "warm_start")


def test_what_is_not_there_is_said(in_tmp: Path, mp_split: Split) -> None:
    with pytest.raises(UserError, match="no MLflow store"):
        open_search("latest", URI)
    open_store(URI, "empty")
    with pytest.raises(UserError, match="holds no search yet"):
        open_search("latest", URI)
    with pytest.raises(UserError, match="run=0123 is no run"):
        open_search("0123", URI)


def test_a_search_that_goes_on_has_the_settings_that_it_goes_on_with(in_tmp: Path, mp_split: Split) -> None:
    """Whoever resumes it once more need not say them again."""
    config = parse(["space=branching", "dataset=mp", "rows=2000", "trials=2"])
    store = open_store(config.tracking.uri, config.experiment)
    begun = Tracker(config, mp_split, store)
    more = replace(config, trials=5)
    Tracker(more, mp_split, store, parent=begun.parent)
    assert open_search(begun.parent, config.tracking.uri).config == more


def test_a_search_of_some_of_a_space_goes_on_with_these_alone(tmp_path: Path) -> None:
    candidates = [Candidate(network, FAST) for network in (BRNET, BNET)]
    some = Listed(tuple(candidates))
    keep(Opening(only=[candidate.to_json() for candidate in some.candidates()]), Journal(tmp_path))
    whole = build_space("branching", FAST, BRNET)
    assert list(kept(Journal(tmp_path)).within(whole).candidates()) == candidates
    assert Opening().within(whole) is whole


def test_settings_longer_than_a_tag_come_back_whole(in_tmp: Path, mp_split: Split) -> None:
    """MLflow cuts a tag short at 8,000 characters; a list of twenty networks is longer."""
    network = json.loads(Candidate(BRNET, FAST).to_json())["architecture"]
    many = json.dumps([{**network, "slope": 0.01 * n} for n in range(1, 41)])
    config = parse(["space=listed", f"architecture={many}", "dataset=mp", "rows=2000"])
    assert len(json.dumps(config.to_dict())) > 8000
    store = open_store(config.tracking.uri, config.experiment)
    begun = Tracker(config, mp_split, store)
    assert open_search(begun.parent, config.tracking.uri).config == config
    Tracker(config, mp_split, store, parent=begun.parent)
    assert open_search(begun.parent, config.tracking.uri).config == config


def test_training_code_of_a_search_that_went_on_under_another_is_both() -> None:
    """Neither of them alone: its trials would not all come to the same if trained now."""
    now = training_code()
    assert versions_since({TRAINING_CODE: now})[TRAINING_CODE] == versions_since({})[TRAINING_CODE] == now
    both = versions_since({TRAINING_CODE: "another"})
    assert both[TRAINING_CODE] == versions_since(both)[TRAINING_CODE] == f"another, {now}"

"""A search that begins from a registered model: which weights, which version, and what the space then holds."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shelf import Shelf, register

from models.training import TrainingRun
from search.command import command_of
from search.config import SearchConfig
from search.data import DataRequest, load
from search.errors import UserError
from search.labels import name_of, parts_of
from search.parsing import parse
from search.starting import pinned, start_of
from search.targets import space_of, training_data


def config_of(shelf: Shelf, *arguments: str, model: str = "model:small") -> SearchConfig:
    common = ["space=transfer", f"start_from={model}", "dataset=mp", "rows=300", f"tracking.uri={shelf.uri}"]
    return parse([*common, "recipe.epochs=2", *arguments])


def test_an_alias_is_pinned_to_its_version_so_that_a_resumed_search_begins_the_same(shelf: Shelf) -> None:
    register(["run=latest", "name=moving"], shelf.uri)
    before = pinned(config_of(shelf, model="model:moving@champion"))
    assert before.space.start_from == "moving/1"
    register(["run=latest", "top=2", "name=moving"], shelf.uri)
    assert pinned(before) == before
    assert pinned(config_of(shelf, model="moving")).space.start_from == "moving/2"
    assert parse(shlex.split(command_of(before))[3:]) == before
    assert SearchConfig.from_dict(before.to_dict()) == before


def test_the_space_is_of_the_models_network_and_the_tables_target(shelf: Shelf) -> None:
    config, split = config_of(shelf), load(DataRequest("mp", rows=300))
    winner = shelf.past.standings[0]
    candidates = list(space_of(config, split).candidates())
    assert {candidate.architecture for candidate in candidates} == {winner.candidate.architecture}
    starts = [candidate.start for candidate in candidates]
    assert starts[0] is None
    assert {start.digest for start in starts if start} == {getattr(start_of(config), "digest", "")}
    assert len({name_of(candidate, config.recipe) for candidate in candidates}) == 4
    assert parts_of(candidates[0])["start"] == "from nothing"
    data = training_data(split, start_of(config))
    runs = [TrainingRun(candidate, data) for candidate in candidates]
    trained = shelf.networks[winner.results[0].trial_id].state_dict()
    for run in runs[1:]:
        name = next(iter(run.network.state_dict()))
        np.testing.assert_allclose(run.network.state_dict()[name].numpy(), trained[name].numpy())
    errors = [next(iter(run)).validation_error for run in runs]
    assert min(errors[1:]) < errors[0]  # the same property: what it knows already helps from the first epoch


def test_mistakes_are_one_sentence(shelf: Shelf, in_tmp: Path) -> None:
    for model, sentence in (("model:smal", "did you mean small"), ("small@best", "its aliases are champion")):
        with pytest.raises(UserError, match=sentence):
            pinned(config_of(shelf, model=model))
    with pytest.raises(UserError, match="add start_from="):
        parse(["space=transfer", "dataset=mp"])
    with pytest.raises(UserError, match="start_from= belongs to space=transfer"):
        parse(["space=branching", "dataset=mp", "start_from=model:small"])
    config = config_of(shelf)
    elsewhere = replace(config, tracking=replace(config.tracking, uri="sqlite:///gone.db"))
    with pytest.raises(UserError, match="no MLflow store"):
        pinned(elsewhere)
    assert list(in_tmp.iterdir()) == []

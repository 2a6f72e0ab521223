"""Names of candidates: the architecture, and what differs from the search's recipe."""

from dataclasses import replace

from models.candidate import Candidate
from models.published import BNET, BRNET, ELEMNET
from models.recipe import FAST
from search.labels import name_of, parts_of


def test_the_architecture_alone_where_the_recipe_is_the_searchs() -> None:
    assert name_of(Candidate(BRNET, FAST), FAST) == "Top[2,2] skip leaky"


def test_what_differs_is_named() -> None:
    recipe = replace(FAST, optimiser="sgd", learning_rate=0.0123, batch_size=64, patience=7)
    assert name_of(Candidate(BNET, recipe), FAST) == "Top[2,2] leaky, sgd lr=0.012 b64 patience=7"


def test_parts_are_what_a_person_compares() -> None:
    parts = parts_of(Candidate(BRNET, FAST))
    assert parts["branching"] == "Top[2,2]"
    assert parts["skip"] == "layer"
    assert parts["published"] == "BRNet"
    assert parts["groups"] == "1024x4 512x3 256x3 128x3 64x2 32x1"
    assert parts["learning_rate"] == FAST.learning_rate
    assert parts_of(Candidate(ELEMNET, FAST))["dropout"] == "0.2 0.1 0.3 0.2 0 0"
    assert parts_of(Candidate(ELEMNET, FAST))["branching"] == "none"

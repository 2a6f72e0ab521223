"""The door of a search: what arguments make of it."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recipe import FAST, PAPER, RECIPES, Recipe
from search.config import SchedulerConfig, SearchConfig, SpaceConfig
from search.data import DataRequest
from search.errors import UserError
from search.group_settings import RECIPE_MEANINGS
from search.groups import options
from search.parsing import parse
from search.settings import GROUPS, keys
from spaces import SPACES


def test_nothing_said() -> None:
    config = parse([])
    assert config.space == SpaceConfig("branching", None, "BRNet")
    assert config.data == DataRequest("mp")
    assert (config.recipe_name, config.recipe) == ("fast", FAST)
    assert config.scheduler == SchedulerConfig("none", None, None)
    assert (config.cluster.name, config.cluster.address) == ("local", "local")
    assert (config.tracking.name, config.tracking.uri) == ("sqlite", "sqlite:///mlflow.db")
    assert (config.trials, config.time_budget_seconds, config.seeds) == (None, None, (0,))
    assert (config.cpus_per_trial, config.gpus_per_trial, config.max_concurrent) == (None, None, None)
    assert (config.dry_run, config.output, config.name) == (False, "runs", None)
    assert config.experiment == "branching on mp formation_energy"


@pytest.mark.parametrize(
    ("argument", "read", "value"),
    [
        ("space=components", lambda c: c.space.name, "components"),
        ("budget=4548385", lambda c: c.space.budget, 4_548_385),
        ("budget=4.5e6", lambda c: c.space.budget, 4_500_000),
        ("dataset=jarvis", lambda c: c.data.dataset, "jarvis"),
        ("property=band_gap", lambda c: c.data.property, "band_gap"),
        ("rows=2000", lambda c: c.data.rows, 2000),
        ("rows=null", lambda c: c.data.rows, None),
        ("outliers=0", lambda c: c.data.outliers, 0.0),
        ("split_seed=1", lambda c: c.data.split_seed, 1),
        ("data_dir=/data/my tables", lambda c: c.data.data_dir, "/data/my tables"),
        ("recipe=paper", lambda c: (c.recipe_name, c.recipe), ("paper", PAPER)),
        ("recipe.epochs=5", lambda c: c.recipe, replace(FAST, epochs=5)),
        ("recipe.learning_rate=1e-3", lambda c: c.recipe.learning_rate, 1e-3),
        ("recipe.learning_rate=3", lambda c: c.recipe.learning_rate, 3.0),
        ("recipe.loss=huber", lambda c: c.recipe.loss, "huber"),
        ("recipe.standardise=False", lambda c: c.recipe.standardise, False),
        ("scheduler=asha", lambda c: c.scheduler, SchedulerConfig("asha", 5, 3)),
        ("scheduler=hyperband", lambda c: c.scheduler, SchedulerConfig("hyperband", None, 3)),
        ("cluster=auto", lambda c: c.cluster.address, "auto"),
        ("tracking.uri=sqlite:///my runs.db", lambda c: c.tracking.uri, "sqlite:///my runs.db"),
        ("trials=20", lambda c: c.trials, 20),
        ("trials=null", lambda c: c.trials, None),
        ("time_budget=2h", lambda c: c.time_budget_seconds, 7200),
        ("time_budget=90m", lambda c: c.time_budget_seconds, 5400),
        ("time_budget=45s", lambda c: c.time_budget_seconds, 45),
        ("time_budget=1h30m", lambda c: c.time_budget_seconds, 5400),
        ("time_budget=1d2h3m4.5s", lambda c: c.time_budget_seconds, 93_784.5),
        ("time_budget=0.5h", lambda c: c.time_budget_seconds, 1800),
        ("time_budget=600", lambda c: c.time_budget_seconds, 600),
        ("time_budget=null", lambda c: c.time_budget_seconds, None),
        ("seeds=3", lambda c: c.seeds, (0, 1, 2)),
        ("seeds=[3,5]", lambda c: c.seeds, (3, 5)),
        ("seeds=[7]", lambda c: c.seeds, (7,)),
        ("seeds=adaptive", lambda c: (c.seeds, c.adaptive), ((0, 1, 2, 3, 4), True)),
        ("seeds=adaptive:3", lambda c: (c.seeds, c.adaptive), ((0, 1, 2), True)),
        ("objectives=[validation_mae, parameters]", lambda c: c.objectives, ("validation_mae", "parameters")),
        ("objectives=validation_mae", lambda c: c.objectives, ()),
        ("cpus_per_trial=0.5", lambda c: c.cpus_per_trial, 0.5),
        ("gpus_per_trial=0", lambda c: c.gpus_per_trial, 0),
        ("gpus_per_trial=0.25", lambda c: c.gpus_per_trial, 0.25),
        ("gpus_per_trial=2", lambda c: c.gpus_per_trial, 2),
        ("max_concurrent=4", lambda c: c.max_concurrent, 4),
        ("dry_run=true", lambda c: c.dry_run, True),
        ("output=my runs", lambda c: c.output, "my runs"),
        ("experiment=mine", lambda c: c.experiment, "mine"),
        ("name=first try", lambda c: c.name, "first try"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_argument(argument: str, read, value: object) -> None:  # type: ignore[no-untyped-def]
    config = parse([argument])
    assert read(config) == value
    assert type(read(config)) is type(value) or isinstance(value, int | float)


def test_keys_that_belong_to_an_option() -> None:
    config = parse(["space=hyperparameters", "architecture=ElemNet", "scheduler=asha", "scheduler.grace_epochs=2"])
    assert config.space == SpaceConfig("hyperparameters", None, "ElemNet")
    assert config.scheduler.grace_epochs == 2
    server = parse(["tracking=server", "tracking.uri=http://127.0.0.1:5000", "cluster=auto", "cluster.address=a:6379"])
    assert (server.tracking.uri, server.cluster.address) == ("http://127.0.0.1:5000", "a:6379")


def test_null_is_fine_where_a_key_has_no_meaning() -> None:
    assert parse(["space=components", "budget=null", "path=null"]) == parse(["space=components"])


def test_order_of_option_and_key_does_not_matter() -> None:
    assert parse(["recipe.epochs=5", "recipe=paper"]).recipe == replace(PAPER, epochs=5)


def test_the_last_of_two_counts() -> None:
    """So that a Makefile's settings can be followed by a user's."""
    config = parse(["trials=3", "recipe=paper", "output=a", "trials=4", "recipe=fast", "output=b"])
    assert (config.trials, config.recipe_name, config.output) == (4, "fast", "b")


@pytest.mark.parametrize(
    "text",
    [
        "my data (1).csv",
        "E_form (eV/atom)",
        "a=b",
        "[x]",
        "{x: 1}",
        "${oc.env:HOME}",
        "${",
        "'quoted\"",
        "back\\slash",
        "gap,eV",
        "Δ_f H°",
        " spaced ",
        "true",
        "3",
        "@x:y",
        "#",
    ],
)
def test_free_text_is_taken_as_typed(text: str) -> None:
    config = parse(["dataset=csv", f"path={text}", f"target={text}", f"formula_column={text}", f"name={text}"])
    assert (config.data.path, config.data.target, config.data.formula_column) == (text, text, text)
    assert config.name == text


def test_experiment_of_a_table_of_ones_own_is_named_by_file_and_column() -> None:
    config = parse(["dataset=csv", "path=some/where/my.csv", "target=gap", "space=components"])
    assert config.experiment == "components on my.csv gap"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["seeds=[3,5]", "time_budget=2h", "budget=5e6", "scheduler=asha", "gpus_per_trial=0.5", "dry_run=true"],
        ["dataset=csv", "path=my data (1).csv", "target=gap", "space=hyperparameters", "trials=3"],
        ["tracking=server", "tracking.uri=http://h:1", "recipe=paper", "name=x"],
    ],
)
def test_goes_through_json(arguments: list[str]) -> None:
    config = parse(arguments)
    assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("change", [{"seeds": 3}, {"recipe": {"epochz": 3}}, {"extra": 1}, {"space": None}])
def test_something_else_is_not_taken_from_json(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not the settings of a search"):
        SearchConfig.from_dict(parse([]).to_dict() | change)


def test_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        parse([]).trials = 3  # type: ignore[misc]


def test_every_option_of_every_group_composes() -> None:
    needed = {
        "dataset=csv": ["path=a", "target=b"],
        "tracking=server": ["tracking.uri=http://h:1"],
        "space=hyperparameters": ["trials=1"],
        "space=transfer": ["start_from=model:mp-formation_energy"],
    }
    for group, names in options().items():
        for name in names:
            config = parse([f"{group}={name}", *needed.get(f"{group}={name}", [])])
            part = {"dataset": "data"}.get(group, group)
            shown = {"recipe": config.recipe_name, "dataset": config.data.dataset}
            assert shown.get(group) or getattr(config, part).name == name


def test_groups_offer_what_the_code_has() -> None:
    assert set(options()) == set(GROUPS)
    assert set(options()["space"]) == set(SPACES)
    assert set(options()["recipe"]) == set(RECIPES)


def test_recipes_values_live_in_models_alone() -> None:
    for name, recipe in RECIPES.items():
        assert asdict(parse([f"recipe={name}"]).recipe) == asdict(recipe)
    assert list(RECIPE_MEANINGS) == [part.name for part in fields(Recipe)]
    assert {key for key in keys() if key.startswith("recipe.")} == {f"recipe.{name}" for name in RECIPE_MEANINGS}


@settings(max_examples=20, deadline=None)
@given(
    epochs=st.integers(1, 10**6),
    rate=st.floats(1e-12, 1e3),
    seeds=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5, unique=True),
    text=st.text(min_size=1).filter(lambda text: text != "null" and "://" not in text),
)
def test_values_arrive_as_they_were_typed(epochs: int, rate: float, seeds: list[int], text: str) -> None:
    config = parse([f"recipe.epochs={epochs}", f"recipe.learning_rate={rate!r}", f"seeds={seeds}", f"output={text}"])
    assert config.recipe == replace(FAST, epochs=epochs, learning_rate=rate)
    assert config.seeds == tuple(seeds)
    assert config.output == text


def test_nothing_heavy_is_imported() -> None:
    """A slip of the finger is told at once, not after the seconds that these take."""
    heavy = {"ray", "torch", "mlflow", "optuna", "pandas", "pymatgen", "sklearn"}
    code = (
        "import sys; from search.parsing import parse; parse(['budget=5e6']); "
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_pack_of_auto_is_measured_as_null_is() -> None:
    assert parse(["pack=auto"]).pack is None
    assert parse(["pack=3"]).pack == 3
    with pytest.raises(UserError, match="pack=some is not a whole number of 1 or more, or auto"):
        parse(["pack=some"])

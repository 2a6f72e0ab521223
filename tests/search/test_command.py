"""The command in a model's metadata makes the same search again."""

import shlex
from pathlib import Path

import pytest

from models.architecture import Architecture, Group
from models.published import BRNET, ELEMNET
from search.command import arguments_of, command_of
from search.config import SearchConfig
from search.parsing import parse
from search.targets import space_of


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["space=components", "dataset=mp", "rows=300", "seeds=3", "recipe.epochs=2", "dry_run=true"],
        ["space=hyperparameters", "architecture=BNet", "scheduler=asha", "scheduler.grace_epochs=1", "trials=4"],
        ["recipe=paper", "recipe.loss=mse", "time_budget=1h30m", "seeds=[3,5]", "cpus_per_trial=0.5", "name=a b"],
        [
            "dataset=csv",
            "path=my table (1).csv",
            "target=E (meV)",
            "formula_column=it's",
            "tracking.uri=sqlite:///a.db",
        ],
        ["seeds=adaptive:3", "scheduler=asha"],
        ["space=hyperparameters", "objectives=[validation_mae,parameters]", "sampler=nsga2"],
        ["tracking=server", "tracking.uri=http://host:5000", "cluster=auto", "budget=4500000", "space=branching"],
    ],
)
def test_round_trip(arguments: list[str]) -> None:
    config = parse(arguments)
    assert parse(arguments_of(config)) == config
    words = shlex.split(command_of(config))
    assert words[:3] == ["python", "-m", "search.run"]
    assert parse(words[3:]) == config


def test_only_what_differs_is_said() -> None:
    arguments = arguments_of(parse(["dataset=mp", "rows=300"]))
    assert [a for a in arguments if "=" in a and a.split("=")[0] not in ("space", "dataset", "recipe", "scheduler",
            "cluster", "tracking", "tracking.uri")] == ["rows=300"]  # fmt: skip


def test_a_network_of_ones_own_is_taken_by_its_json(tmp_path: Path) -> None:
    network = Architecture((Group(8, 2), Group(4, 1)), skip="layer", activation="silu")
    (tmp_path / "net.json").write_text('{"groups": [{"width": 8, "layers": 2}, {"width": 4, "layers": 1}], '
                                       '"skip": "layer", "activation": "silu"}')  # fmt: skip
    for text in (network.to_json(), str(tmp_path / "net.json")):
        config = parse(["space=listed", f"architecture={text}"])
        (candidate,) = space_of(config).candidates()
        assert candidate.architecture == network
        assert parse(arguments_of(config)) == config


def test_a_list_of_networks_is_taken_by_name_and_json_and_from_a_file(tmp_path: Path) -> None:
    own = Architecture((Group(8, 2),), skip="layer")
    (tmp_path / "nets.json").write_text('["BRNet", {"groups": [{"width": 8, "layers": 2}], "skip": "layer"}]')
    for text in (f'["BRNet", {own.to_json()}]', str(tmp_path / "nets.json")):
        config = parse(["space=listed", f"architecture={text}"])
        assert [candidate.architecture for candidate in space_of(config).candidates()] == [BRNET, own]
        assert parse(arguments_of(config)) == config
    config = parse(["space=listed", "architecture=[ElemNet,BRNet]"])
    assert [candidate.architecture for candidate in space_of(config).candidates()] == [ELEMNET, BRNET]


def test_a_search_from_when_the_space_was_called_single_is_still_read() -> None:
    config = parse(["space=listed", "architecture=BNet"])
    old = config.to_dict()
    old["space"] = {**old["space"], "name": "single"}
    assert SearchConfig.from_dict(old) == config

"""The limits of the joint space, from the command to what is drawn."""

import json

import optuna
import pytest

from search.config import SearchConfig
from search.data import Split
from search.measuring import with_step_cost
from search.parsing import parse
from search.run import main
from search.targets import space_of

ARGUMENTS = ["space=joint", "dataset=mp", "rows=2000", "recipe.epochs=2", "max_parameters=200000"]


def test_the_plan_keeps_to_the_band(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ARGUMENTS, "trials=6", "max_parameters=70000", "min_parameters=20000", "dry_run=true"]) == 0
    printed = capsys.readouterr().out
    assert "6 candidates" in printed
    counts = [line.split()[-1].replace(",", "") for line in printed.splitlines() if line[:4].strip().isdigit()]
    counts = [count for count in counts if count.isdigit()]
    assert len(counts) >= 10
    assert all(20_000 <= int(count) <= 70_000 for count in counts)


def test_a_measured_cost_stays_with_the_search(mp_split: Split) -> None:
    """A resumed one draws from the same space, whatever the machine is busy with by then."""
    config = parse([*ARGUMENTS, "max_seconds=5m"])
    measured = with_step_cost(config, mp_split)
    assert measured.space.step_seconds is not None
    assert with_step_cost(measured, mp_split) == measured
    resumed = SearchConfig.from_dict(json.loads(json.dumps(measured.to_dict())))
    space = space_of(measured, mp_split)
    assert space_of(resumed, mp_split) == space
    limits = resumed.space.limits((len(mp_split.train.y), len(mp_split.validation.y)))
    assert limits.cost is not None
    assert limits.rows is not None
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        candidate = space.suggest(study.ask())
        assert limits.cost.seconds(candidate.architecture.parameter_count(), candidate.recipe, limits.rows) <= 300


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["space=joint", "max_parameters=100"], "max_parameters=100 is too few for space=joint"),
        (["space=joint", "min_parameters=4500000"], "too narrow a band for widths"),
        (["space=joint", "min_parameters=5e6"], "is no band"),
        (["space=joint", "step_seconds=1"], "step_seconds= and operation_seconds= go together"),
        (["space=joint", "max_seconds=1s", "step_seconds=1", "operation_seconds=1e-9"], "max_seconds=1 is too short"),
        (["space=branching", "max_seconds=10"], "max_seconds= belongs to space=joint"),
        (["space=branching", "recipe.optimiser=schedule_free"], "recipe.averaging=0 recipe.schedule=constant"),
    ],
)
def test_limits_that_leave_nothing_end_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "dataset=mp", "rows=300"]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.startswith("search.run: ")
    assert said.count("\n") == 1

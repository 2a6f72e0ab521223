"""A member of a pack trains as it would alone: same curve, same weights, same end."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.architecture import BRNET, ELEMNET, IRNET, Architecture, Group
from models.branching import Branching
from models.candidate import Candidate
from models.data import TrainingData
from models.inputs import Inputs
from models.packing import Pack
from models.recipe import FAST, PAPER, Recipe
from models.run import Epoch, NonFiniteLossError
from models.stepping import GraphedSteps
from models.training import TrainingRun

SMALL = Architecture(groups=(Group(32, 2), Group(16, 1)), branchings=(Branching(0, (1, 1)),), skip="layer")
NESTED = replace(SMALL, groups=(Group(24, 4), Group(16, 1)), branchings=(Branching(0, (1, (1, (1, 1)))),))
QUICK = Recipe(learning_rate=1e-3, batch_size=32, epochs=4)

KINDS = {
    "branched": Candidate(SMALL, QUICK),
    "batch norm, other rate": Candidate(replace(SMALL, normalisation="batch"), replace(QUICK, learning_rate=3e-4)),
    "dropout, short batches": Candidate(replace(SMALL, dropout=(0.2, 0.1)), replace(QUICK, batch_size=20)),
    "fast": Candidate(SMALL, replace(FAST, epochs=3)),
    "averaged batch norm": Candidate(replace(SMALL, normalisation="batch"), replace(QUICK, averaging=0.9)),
    "early stopping, plateau": Candidate(
        SMALL, replace(QUICK, learning_rate=0.02, epochs=40, patience=3, schedule="plateau")
    ),
    "deeper, sgd": Candidate(
        Architecture(groups=(Group(24, 4), Group(8, 2))), replace(QUICK, optimiser="sgd", schedule="cosine", epochs=2)
    ),
    "joined, layer norm, muon": Candidate(
        replace(NESTED, join="gate", skip="group", normalisation="layer"), replace(FAST, optimiser="muon", epochs=3)
    ),
    "side by side, schedule-free": Candidate(
        replace(NESTED, join="concatenation", skip="layer", normalisation="batch"),
        replace(QUICK, optimiser="schedule_free", weight_decay=0.01, epochs=3),
    ),
    "every input": Candidate(
        replace(SMALL, join="mean", inputs=Inputs(True, "piecewise", 4, embedding=3, descriptors=True)),
        replace(FAST, epochs=3, precision="bfloat16", train_part=0.7),
    ),
    "periodic": Candidate(replace(SMALL, inputs=Inputs(True, "periodic", 4)), replace(QUICK, epochs=2)),
}
PUBLISHED = {
    name: Candidate(architecture, replace(PAPER, epochs=1))
    for name, architecture in (("ElemNet", ELEMNET), ("IRNet", IRNET), ("BRNet", BRNET))
}


def curve(epochs: list[Epoch]) -> list[tuple[float, float, float]]:
    return [(epoch.train_error, epoch.validation_error, epoch.learning_rate) for epoch in epochs]


def train_all(pack: Pack) -> dict[str, list[Epoch]]:
    """Every member to its end."""
    epochs: dict[str, list[Epoch]] = {name: [] for name in pack.members}
    for name in pack.members:
        pack.begin_epoch(name)
    while pack.busy:
        for name, ended in pack.turn().items():
            assert isinstance(ended, Epoch), ended
            epochs[name].append(ended)
            if pack.members[name].run.state.stop_reason is None:
                pack.begin_epoch(name)
    return epochs


@pytest.mark.parametrize("candidates", [KINDS, PUBLISHED], ids=["kinds", "published"])
def test_members_equal_their_solo_runs(candidates: dict[str, Candidate], mp_data: TrainingData) -> None:
    few = TrainingData(mp_data.x_train[:400], mp_data.y_train[:400], mp_data.x_validation, mp_data.y_validation)
    pack = Pack(few)
    for seed, (name, candidate) in enumerate(candidates.items()):
        pack.add(name, candidate, seed)
    packed = train_all(pack)
    for seed, (name, candidate) in enumerate(candidates.items()):
        solo = TrainingRun(candidate, few, seed)
        assert curve(list(solo)) == curve(packed[name]), name
        member = pack.members[name].run
        assert member.state.stop_reason == solo.state.stop_reason
        ours, theirs = member.best_network().state_dict(), solo.best_network().state_dict()
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs), name


def test_members_come_go_and_go_on_as_they_like(mp_data: TrainingData, tmp_path: Path) -> None:
    """One leaves in the middle of an epoch and another joins: a third never notices; the first resumes elsewhere."""
    steady, leaver = KINDS["dropout, short batches"], KINDS["averaged batch norm"]
    pack = Pack(mp_data)
    pack.add("steady", steady, 1)
    pack.add("leaver", leaver, 2)
    pack.begin_epoch("steady")
    pack.begin_epoch("leaver")
    curves: dict[str, list[Epoch]] = {"steady": [], "leaver": [], "late": []}
    while pack.busy:
        for name, ended in pack.turn().items():
            assert isinstance(ended, Epoch)
            curves[name].append(ended)
            if name == "leaver" and len(curves["leaver"]) == 2:
                pack.members["leaver"].run.save(tmp_path / "training.npz")
                pack.begin_epoch("leaver")
                pack.turn()
                pack.remove("leaver")
                pack.add("late", leaver, 2).restore(tmp_path / "training.npz")
                pack.begin_epoch("late")
            elif pack.members[name].run.state.stop_reason is None:
                pack.begin_epoch(name)
    assert curve(curves["steady"]) == curve(list(TrainingRun(steady, mp_data, 1)))
    assert curve(curves["leaver"] + curves["late"]) == curve(list(TrainingRun(leaver, mp_data, 2)))


def test_a_failure_is_its_members_own(mp_data: TrainingData) -> None:
    pack = Pack(mp_data)
    pack.add("bad", Candidate(SMALL, replace(QUICK, optimiser="sgd", loss="mse", learning_rate=1e6)), 0)
    pack.add("good", KINDS["branched"], 0)
    pack.begin_epoch("bad")
    pack.begin_epoch("good")
    ended: dict[str, object] = {}
    while pack.busy:
        ended |= pack.turn()
    assert isinstance(ended["bad"], NonFiniteLossError)
    assert isinstance(ended["good"], Epoch)


def test_seconds_are_shared_out(mp_data: TrainingData) -> None:
    """Members' seconds add up to the pack's time, so that a packed search does not look dearer than it was."""
    pack = Pack(mp_data)
    for seed in range(4):
        pack.add(str(seed), KINDS["branched"], seed)
    alone = TrainingRun(KINDS["branched"], mp_data, 0)
    list(alone)
    train_all(pack)
    for member in pack.members.values():
        assert 0.2 * alone.state.seconds < member.run.state.seconds < 5 * alone.state.seconds


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_reads_everything_from_the_device_is_the_same_step(kind: str, mp_data: TrainingData) -> None:
    """What a GPU captures as a graph, run uncaptured; test_on_gpu.py captures it. Its float32 rates round a little."""
    eager, graphed = (TrainingRun(KINDS[kind], mp_data, 5) for _ in range(2))
    graphed._steps = GraphedSteps(graphed._steps.parts, [])  # type: ignore[attr-defined]
    for one, other in zip(eager, graphed, strict=True):
        assert one.train_error == pytest.approx(other.train_error, rel=1e-3)
        assert one.validation_error == pytest.approx(other.validation_error, rel=0.02)
        assert one.learning_rate == other.learning_rate

"""A member of a pack trains as it would alone: same curve, same weights, same end."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kinds import KINDS, QUICK, SMALL, curve

from models.candidate import Candidate
from models.data import TrainingData
from models.packing import Pack
from models.published import BRNET, ELEMNET, IRNET
from models.recipe import PAPER
from models.run import Epoch, NonFiniteLossError
from models.stepping import GraphedSteps
from models.training import TrainingRun

PUBLISHED = {
    name: Candidate(architecture, replace(PAPER, epochs=1))
    for name, architecture in (("ElemNet", ELEMNET), ("IRNet", IRNET), ("BRNet", BRNET))
}


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
def test_members_equal_their_solo_runs(candidates: dict[str, Candidate], few_rows: TrainingData) -> None:
    pack = Pack(few_rows)
    for seed, (name, candidate) in enumerate(candidates.items()):
        pack.add(name, candidate, seed)
    packed = train_all(pack)
    for seed, (name, candidate) in enumerate(candidates.items()):
        solo = TrainingRun(candidate, few_rows, seed)
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
def test_a_step_that_reads_everything_from_the_device_is_the_same_step(kind: str, few_rows: TrainingData) -> None:
    """What a GPU captures as a graph, run uncaptured; test_on_gpu.py captures it. Its float32 rates round a little."""
    eager, graphed = (TrainingRun(KINDS[kind], few_rows, 5) for _ in range(2))
    graphed._steps = GraphedSteps(graphed._steps.parts, [])  # type: ignore[attr-defined]
    for one, other in zip(eager, graphed, strict=True):
        assert one.train_error == pytest.approx(other.train_error, rel=1e-3)
        assert one.validation_error == pytest.approx(other.validation_error, rel=0.02)
        assert one.learning_rate == other.learning_rate

"""A member of a pack trains as it would alone: same curve, same weights, same end."""

import gc
import itertools
import time
import weakref
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
from models.streams import MOST_STREAMS, Streams
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
    """Members' seconds add up to the pack's time, so that a packed search looks neither dearer nor cheaper than it was,
    however few steps an epoch has."""
    few = TrainingData(mp_data.x_train[:200], mp_data.y_train[:200], mp_data.x_validation, mp_data.y_validation)
    for data in (mp_data, few):
        pack = Pack(data)
        for seed in range(4):
            pack.add(str(seed), KINDS["branched"], seed)
        started = time.perf_counter()
        train_all(pack)
        took = time.perf_counter() - started
        assert sum(member.run.state.seconds for member in pack.members.values()) == pytest.approx(took, rel=0.15)


def test_a_pack_that_nobody_holds_is_gone_at_once(mp_data: TrainingData) -> None:
    """Its memory is a GPU's, which is not freed by a chance collection in time."""
    pack = Pack(mp_data)
    pack.add("a", KINDS["branched"], 0)
    pack.begin_epoch("a")
    pack.turn()
    gone = weakref.ref(pack.members["a"].run)
    gc.disable()
    try:
        del pack
        assert gone() is None
    finally:
        gc.enable()


def test_each_member_has_a_stream_of_its_own_and_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = itertools.count()
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: next(made))
    streams = Streams(torch.device("cuda"))
    lent = [streams.lend() for _ in range(MOST_STREAMS)]
    assert len(set(lent)) == MOST_STREAMS
    with pytest.raises(ValueError, match="32 streams, and all are in use"):
        streams.lend()
    streams.take_back(lent[3])
    assert streams.lend() == lent[3]
    assert Streams(torch.device("cpu")).lend() is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_reads_everything_from_the_device_is_the_same_step(kind: str, few_rows: TrainingData) -> None:
    """What a GPU captures as a graph, run uncaptured; test_on_gpu.py captures it. Its float32 rates round a little."""
    eager, graphed = (TrainingRun(KINDS[kind], few_rows, 5) for _ in range(2))
    graphed._steps = GraphedSteps(graphed._steps.parts, [])  # type: ignore[attr-defined]
    for one, other in zip(eager, graphed, strict=True):
        assert one.train_error == pytest.approx(other.train_error, rel=1e-3)
        assert one.validation_error == pytest.approx(other.validation_error, rel=0.02)
        assert one.learning_rate == other.learning_rate


def test_a_pack_has_a_name_once(few_rows: TrainingData) -> None:
    pack = Pack(few_rows)
    pack.add("a", KINDS["branched"], 0)
    with pytest.raises(ValueError, match="member a already"):
        pack.add("a", KINDS["branched"], 1)
    pack.begin_epoch("a")
    with pytest.raises(ValueError, match="member a is in an epoch"):
        pack.begin_epoch("a")


def test_a_pack_gives_back_the_streams_that_it_was_lent(
    few_rows: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[None] = []
    monkeypatch.setattr(Streams, "lend", lambda _: lent.append(None))
    monkeypatch.setattr(Streams, "take_back", lambda _, stream: lent.remove(stream))
    pack = Pack(few_rows)
    pack.add("a", KINDS["branched"], 0)
    with pytest.raises(ValueError, match="input width"):
        pack.add("b", Candidate(replace(SMALL, input_width=4), QUICK), 0)
    assert len(lent) == 1
    pack.remove("a")
    assert not lent

"""What only a GPU can show: captured steps equal launched ones, and a pack's members their solo runs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kinds import KINDS, curve
from test_packing import PUBLISHED, train_all

from models.candidate import Candidate
from models.data import TrainingData
from models.packing import Pack
from models.run import Epoch
from models.stepping import EagerSteps
from models.streams import MOST_STREAMS
from models.training import TrainingRun

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, which this machine has not")

ALL = {**KINDS, **PUBLISHED}


@pytest.mark.parametrize("kind", ALL)
def test_a_captured_step_is_the_launched_step(kind: str, mp_data: TrainingData) -> None:
    candidate = Candidate(ALL[kind].architecture, replace(ALL[kind].recipe, precision="float32"))
    captured, launched = (TrainingRun(candidate, mp_data, 5, "cuda") for _ in range(2))
    launched._steps = EagerSteps(launched._steps.parts)  # type: ignore[attr-defined]
    for one, other in zip(captured, launched, strict=True):
        assert one.train_error == pytest.approx(other.train_error, rel=1e-3)
        assert one.validation_error == pytest.approx(other.validation_error, rel=0.05)


def test_members_equal_their_solo_runs_on_a_gpu(mp_data: TrainingData) -> None:
    pack = Pack(mp_data, "cuda")
    for seed, (name, candidate) in enumerate(ALL.items()):
        pack.add(name, candidate, seed)
    packed = train_all(pack)
    for seed, (name, candidate) in enumerate(ALL.items()):
        solo = curve(list(TrainingRun(candidate, mp_data, seed, "cuda")))
        for one, other in zip(solo, curve(packed[name]), strict=True):
            assert one == pytest.approx(other, rel=0.02), name


def test_members_come_and_go_beside_a_steady_one_on_a_gpu(mp_data: TrainingData, tmp_path: Path) -> None:
    """More of them than a GPU has streams, each saved in the middle, let go, and gone on with as another member."""
    steady, passing = ALL["dropout, short batches"], ALL["branched"]
    steady = Candidate(steady.architecture, replace(steady.recipe, epochs=1000))
    pack = Pack(mp_data, "cuda")
    pack.add("steady", steady, 1)
    seen: list[Epoch] = []

    def train(name: str) -> Epoch:
        pack.begin_epoch(name)
        while True:
            if pack.members["steady"].steps is None:
                pack.begin_epoch("steady")
            ended = pack.turn()
            assert not any(isinstance(outcome, Exception) for outcome in ended.values()), ended
            seen.extend(epoch for who, epoch in ended.items() if who == "steady" and isinstance(epoch, Epoch))
            if isinstance(epoch := ended.get(name), Epoch):
                return epoch

    for number in range(MOST_STREAMS + 4):
        pack.add(f"first {number}", passing, number)
        before = train(f"first {number}")
        pack.members[f"first {number}"].run.save(tmp_path / "training.npz")
        pack.remove(f"first {number}")
        pack.add(f"then {number}", passing, number).restore(tmp_path / "training.npz")
        after = train(f"then {number}")
        pack.remove(f"then {number}")
        alone = TrainingRun(passing, mp_data, number, "cuda")
        assert [before.validation_error, after.validation_error] == pytest.approx(
            [alone.epoch().validation_error, alone.epoch().validation_error], rel=0.02
        )
    solo = TrainingRun(steady, mp_data, 1, "cuda")
    assert [epoch.validation_error for epoch in seen] == pytest.approx(
        [solo.epoch().validation_error for _ in seen], rel=0.05
    )

"""What only a GPU can show: captured steps equal launched ones, and a pack's members their solo runs."""

from dataclasses import replace

import pytest
import torch
from kinds import KINDS, curve
from test_packing import PUBLISHED, train_all

from models.candidate import Candidate
from models.data import TrainingData
from models.packing import Pack
from models.stepping import EagerSteps
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

"""What a CUDA graph cannot hold: a step that waits for the device, or that mixes devices. On torch's meta device, whose
tensors have shapes and no values, either raises, so that steps made for a GPU are checked where there is none."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from kinds import KINDS

from models import muon, orthogonal, training
from models.data import TrainingData
from models.orthogonal import newton_schulz
from models.stepping import GraphedSteps
from models.training import TrainingRun

FUSED = ("_fused_adam_", "_fused_adamw_", "_fused_sgd_")
"""Kernels that torch has for CPUs and GPUs, and not for the meta device."""


@pytest.fixture
def no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run be on the meta device as it would be on a GPU, with what that device lacks."""

    def moved(*arguments: Any, **settings: Any) -> None:
        tensors = [t for given in arguments for t in given]
        assert {tensor.device.type for tensor in [*tensors, settings["lr"]]} == {"meta"}

    _ = torch.ones((), device="meta") + 1  # imports what such operations need, while torch is whole
    generator = torch.Generator
    monkeypatch.setattr(torch, "Generator", lambda device=None: generator())
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **settings: nullcontext())
    for module in (training, orthogonal):
        monkeypatch.setattr(module, "computes_in_bfloat16", lambda precision, device: precision != "float32")
    monkeypatch.setattr(muon, "orthogonalised", newton_schulz)
    for name in FUSED:
        monkeypatch.setattr(torch, name, moved)


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, no_values: None, few_rows: TrainingData) -> TrainingRun:
    run = TrainingRun(KINDS[request.param], few_rows, seed=0, device="meta")
    run._steps = GraphedSteps(run._steps.parts, [])  # type: ignore[attr-defined]
    return run


def test_a_step_and_a_validation_stay_on_the_device(run: TrainingRun) -> None:
    taking = run.training_steps()
    for _ in run.batches[:2]:
        next(taking)
    assert run._steps.error.is_meta
    assert run._validate().is_meta


def test_what_waits_for_the_device_raises(run: TrainingRun) -> None:
    """So that the test above can fail: a step that read its error would."""
    with pytest.raises(RuntimeError, match="meta"):
        run.epoch()
    with pytest.raises(RuntimeError, match="meta"):
        run._x + torch.ones(run._x.shape)

"""`auto` takes the precision that this processor is seen to be faster in, not the one it has instructions for."""

from dataclasses import replace

import pytest
import torch
from kinds import SMALL

from models import precision
from models.candidate import Candidate
from models.data import TrainingData
from models.precision import computes_in_bfloat16, faster_in_bfloat16
from models.recipe import FAST
from models.training import TrainingRun

CPU = torch.device("cpu")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[bool, float]:
    """Seconds that a probe in bfloat16, or not, is seen to take on a processor that has its instructions."""
    seconds = {True: 1.0, False: 1.0}
    monkeypatch.setattr(precision, "_seconds", lambda weight, x, bfloat16: seconds[bfloat16])
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(precision, "faster_in_bfloat16", faster_in_bfloat16.__wrapped__)
    return seconds


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, True), (2.0, False)])
def test_auto_follows_the_clock(
    seconds: float, expected: bool, measured: dict[bool, float], mp_data: TrainingData
) -> None:
    measured[True] = seconds
    assert computes_in_bfloat16("auto", CPU) is expected
    assert computes_in_bfloat16("bfloat16", CPU)
    assert not computes_in_bfloat16("float32", CPU)
    alike = TrainingRun(Candidate(SMALL, replace(FAST, precision="bfloat16" if expected else "float32")), mp_data)
    assert TrainingRun(Candidate(SMALL, FAST), mp_data).epoch().train_error == alike.epoch().train_error


def test_without_the_instructions_nothing_is_measured(
    measured: dict[bool, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured[True] = 0.5
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert not computes_in_bfloat16("auto", CPU)


def test_the_probe_leaves_threads_and_random_numbers_as_they_were() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    answer = faster_in_bfloat16.__wrapped__()
    assert isinstance(answer, bool)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)

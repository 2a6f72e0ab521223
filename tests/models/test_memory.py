"""Training does not hand its memory back and forth."""

import statistics
import subprocess
import sys

import pytest

from models.memory import keep_freed_memory

FAULTS = """
import resource, sys
import numpy as np
import torch
from models import training
from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import Recipe
if sys.argv[1] == "default":
    training.keep_freed_memory = lambda: False
torch.set_num_threads(1)  # where cores are shared, several wait for each other
random = np.random.default_rng(0)
x, y = random.random((320, 86), dtype=np.float32), random.random(320, dtype=np.float32)
architecture = Architecture(groups=(Group(1024, 3),))
run = training.TrainingRun(Candidate(architecture, Recipe(epochs=9)), training.TrainingData(x, y, x[:9], y[:9]))
counts = [resource.getrusage(resource.RUSAGE_SELF).ru_minflt for epoch in run]
print(*((after - before) / len(run.batches) for before, after in zip(counts, counts[1:])))
"""


def faults_a_step(setting: str) -> float:
    command = [sys.executable, "-c", FAULTS, setting]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # an epoch that grows the heap for the last time, whenever that is, counts as one of eight
    return statistics.median(float(number) for number in printed.split())


@pytest.mark.skipif(not keep_freed_memory(), reason="only glibc gives memory back so eagerly")
def test_a_step_has_its_memory_already() -> None:
    assert faults_a_step("kept") < 0.2 * faults_a_step("default")

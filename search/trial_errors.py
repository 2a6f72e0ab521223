"""Why a trial's process failed, as Ray Tune's driver knows it."""

from __future__ import annotations

import pickle
from pathlib import Path

from ray import cloudpickle
from ray.exceptions import RayActorError, TaskCancelledError, WorkerCrashedError
from ray.tune.experiment import Trial as TuneTrial


def error_of(trial: TuneTrial) -> Exception | None:
    """What a trial failed of last; Ray Tune keeps it in a file of the driver's, None where there is none to read.

    A full disk may have cut the file short.
    """
    path = trial.pickled_error_file
    if path is None or not Path(path).exists():
        return None
    try:
        error: Exception = cloudpickle.loads(Path(path).read_bytes())
    except (EOFError, pickle.UnpicklingError):
        return None
    return error


def reason_of(trial: TuneTrial) -> str:
    """Why a trial's process failed, in one line."""
    error = error_of(trial)
    text = str(error or "")
    lines = text.strip().splitlines()
    if any(words in text for words in ("MemoryError", "OutOfMemory", "can't allocate memory", "out of memory")):
        return f"out of memory: {lines[-1][:300]}"
    if isinstance(error, RayActorError | TaskCancelledError | WorkerCrashedError):
        return f"its process or node was lost ({type(error).__name__})"
    return lines[-1][:300] if lines else "its process ended"

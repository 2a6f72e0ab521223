"""What a trial comes to when nothing happens to it: one process trains its candidate, without a search."""

from functools import cache

from models.candidate import Candidate
from models.data import TrainingData
from models.training import TrainingRun
from search.data import DataRequest, load


@cache
def _data(rows: int) -> TrainingData:
    split = load(DataRequest("mp", rows=rows))
    return TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)


@cache
def undisturbed_curve(candidate: str, rows: int, seed: int = 0) -> list[tuple[int, float]]:
    """Epochs and validation errors of a candidate (JSON) on so many rows of the shipped table."""
    run = TrainingRun(Candidate.from_json(candidate), _data(rows), seed)
    return [(epoch.number, epoch.validation_error) for epoch in run]

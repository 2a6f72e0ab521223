"""The folder of a registered model, read back: a model of values or one of classes, as its JSON says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TypeAlias

from models.checkpoint import CheckpointError
from search.inference.classifier import CLASSIFICATION, Classifier
from search.inference.members import ABOUT_FILE, FORMAT
from search.inference.predictor import Predictor

Model: TypeAlias = Predictor | Classifier


def load_package(folder: Path, bfloat16: bool = False) -> Model:
    """What a model's `save` wrote; runs no code from the folder. `bfloat16` as for Ensemble. Raises CheckpointError."""
    try:
        facts = json.loads((folder / ABOUT_FILE).read_text())
        if facts["format"] != FORMAT:
            raise ValueError("it was written by another version of branchsearch")
        if not math.isclose(sum(facts["weights"]), 1):
            raise ValueError("the weights of its members do not sum to 1")
        if not isinstance(facts["about"], dict):
            raise ValueError("it does not say what it predicts")
        kind = Classifier if facts.get("task") == CLASSIFICATION else Predictor
        return kind.load(folder, facts, bfloat16)
    except CheckpointError:
        raise
    except (AttributeError, OSError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder} cannot be read as a model of branchsearch: {error}") from error

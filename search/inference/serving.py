"""What MLflow calls to load and ask a registered model.

A registered model names this module as its loader. Its folder holds arrays and JSON and no code, neither pickled nor
as text: loading runs the installed branchsearch alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from search.inference.predictor import COLUMNS, Predictor

FORMULA = "formula"

_OUTPUTS = {name: DataType.string if name in (FORMULA, "warning") else DataType.double for name in (FORMULA, *COLUMNS)}

SIGNATURE = ModelSignature(
    Schema([ColSpec(DataType.string, FORMULA)]),
    Schema([*(ColSpec(kind, name) for name, kind in _OUTPUTS.items())]),
)


class Served:
    """The model as `mlflow.pyfunc` wants it."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The column `formula` and the columns of SIGNATURE's output, a row each; None stands for no value, because
        JSON has no NaN."""
        formulas = list(model_input[FORMULA])
        answers = pd.DataFrame(self.predictor.predict(formulas).columns())
        numbers = list(COLUMNS[:-1])
        answers[numbers] = answers[numbers].astype(object).where(answers[numbers].notna(), None)
        answers.insert(0, FORMULA, formulas)
        return answers


def _load_pyfunc(path: str) -> Served:
    """The door that MLflow knocks at, by this name."""
    return Served(Predictor.load(Path(path)))

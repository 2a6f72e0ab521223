"""What MLflow calls to load and ask a registered model.

A registered model names this module as its loader. Its folder holds arrays and JSON (a traditional model's as skops
writes them) and no code, neither pickled nor as text: loading runs the installed branchsearch alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from search.inference.package import Model, load_package

FORMULA = "formula"


def signature_of(model: Model) -> ModelSignature:
    """A formula in; the formula and what the model says of it out."""
    columns = {FORMULA: str, **model.columns}
    kinds = {str: DataType.string, float: DataType.double}
    return ModelSignature(
        Schema([ColSpec(DataType.string, FORMULA)]),
        Schema([*(ColSpec(kinds[kind], name) for name, kind in columns.items())]),
    )


class Served:
    """The model as `mlflow.pyfunc` wants it."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The column `formula` and the columns of the signature's output, a row each, with the input's index, by which
        pandas puts values into a table. None stands for no value in a column that lacks some: JSON has no NaN."""
        formulas, kinds = model_input[FORMULA], self.model.columns
        answers = pd.DataFrame(self.model.predict(list(formulas)).columns(), index=model_input.index)
        answers = answers.astype(kinds)  # of no rows the lists do not say of what they are
        answers.insert(0, FORMULA, formulas)
        for name in answers.columns[answers.isna().any()]:
            answers[name] = answers[name].astype(object).where(answers[name].notna(), None)
        return answers


def _load_pyfunc(path: str) -> Served:
    """The door that MLflow knocks at, by this name."""
    return Served(load_package(Path(path)))

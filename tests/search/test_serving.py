"""What `mlflow.pyfunc` gives back: the columns of the signature, of its types, whatever the rows asked for hold."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.types import DataType
from shelf import Shelf

from search.inference.predictor import COLUMNS
from search.inference.registry import find_model, load_model, open_registry
from search.inference.serving import Served, signature_of


@pytest.fixture(scope="module")
def served(shelf: Shelf) -> Served:
    client = open_registry(shelf.uri)
    return Served(load_model(client, find_model(client, "small")))


def test_the_signature_names_a_formula_and_what_the_answer_has(served: Served) -> None:
    signature = signature_of(served.model)
    answers = served.predict(pd.DataFrame({"formula": ["NaCl"]}))
    for schema, names in ((signature.inputs, ["formula"]), (signature.outputs, list(answers.columns))):
        assert schema.input_names() == names
        kinds = [DataType.string if name in ("formula", "warning") else DataType.double for name in names]
        assert schema.input_types() == kinds


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA])
def test_no_formula_is_no_value_in_json(served: Served, nothing: object) -> None:
    """JSON has no NaN: whoever reads strictly would lose the other rows too."""
    answers = served.predict(pd.DataFrame({"formula": ["NaCl", nothing]}))
    rows = json.loads(json.dumps(answers.to_dict("records"), allow_nan=False))
    assert [row["formula"] for row in rows] == ["NaCl", None]
    assert rows[1] == {"formula": None, **dict.fromkeys(COLUMNS), "warning": "formula is not text"}
    assert isinstance(rows[0]["value"], float)


def test_no_rows_are_answered_by_columns_of_the_same_types(served: Served) -> None:
    """A table of answers goes on to one writer, whatever each question holds."""
    asked = pd.DataFrame({"formula": ["NaCl", "Fe2O3"]})
    some, none = served.predict(asked), served.predict(asked[:0])
    assert len(none) == 0
    pd.testing.assert_series_equal(none.dtypes, some.dtypes)
    assert (some.dtypes[list(COLUMNS[:-1])] == np.float64).all()


@pytest.mark.parametrize("index", [[1, 1], [np.nan, np.nan], pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])])
def test_rows_stay_in_their_order_under_any_index(served: Served, index: Any) -> None:
    asked = ["Xx", "NaCl"]
    answers = served.predict(pd.DataFrame({"formula": asked}, index=index))
    assert list(answers.columns) == ["formula", *COLUMNS]
    assert list(answers["formula"]) == asked
    assert list(answers["value"].isna()) == [True, False]

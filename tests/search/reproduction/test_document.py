"""A page's words and cells, by hand: what was trained, what it came to, and what validation would have chosen."""

from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.entities import Metric

from models.candidate import Candidate
from models.published import PUBLISHED
from models.recipe import FAST
from search.data import DataRequest, Split
from search.errors import UserError
from search.reproduction.blocks import Block, Row
from search.reproduction.comparison import Compared
from search.reproduction.document import sheet_of
from search.reproduction.making import bubbles_of, curves_of
from search.reproduction.order import DEFAULT_TRIALS, order_of
from search.reproduction.published import PARAMETERS, TABLE_1
from search.reproduction.running import Outcome
from search.results import TrialResult
from search.store import open_store

FIGURES = {"ElemNet": 0.118, "BRNet": 0.106, "IRNet": 0.117}


def row(name: str, *more: tuple[str, float | None], epochs: int | None = None) -> Row:
    return Row(name, "published", (("published", FIGURES[name]), *more), published_epochs=epochs)


def compared(found: Row, test: tuple[float, ...], validation: tuple[float, ...]) -> Compared:
    """Trained from as many seeds as errors, each 10 epochs and 20 seconds longer than the one before it."""
    results = tuple(
        TrialResult(str(seed), Candidate(PUBLISHED[found.label], FAST), seed, 10 + 10 * seed, 5, error, 30 + 20 * seed)
        for seed, error in enumerate(validation)
    )
    runs = tuple(str(seed) for seed in range(len(test)))
    return Compared.of(Outcome(found, results, test, runs, f"our {found.label}"))


def block(*rows: Row, comparable: bool = True) -> Block:
    return Block("mp: formation energy", DataRequest("mp"), rows, "89,181 compositions", comparable)


def test_a_row_holds_means_over_the_seeds_and_their_spread(mp_split: Split) -> None:
    rows = (row("ElemNet"), row("BRNet", epochs=514))
    found = [compared(rows[0], (0.12, 0.14), (0.11, 0.13)), compared(rows[1], (0.20,), (0.25,))]
    sheet = sheet_of(block(*rows), mp_split, found)
    assert sheet.columns == (
        "model", "published", "ours, eV/atom", "difference", "beyond seeds", "seeds", "parameters", "epochs",
        "training s", "our model",
    )  # fmt: skip
    assert sheet.rows == (
        ("ElemNet", "0.118", "0.1300 ± 0.0141", "+0.0120", "no", "2", "4,631,361", "15", "40", "our ElemNet"),
        ("BRNet", "0.106 (514)", "0.2000", "+0.0940", "", "1", "4,548,385", "10", "30", "our BRNet"),
    )


def test_a_difference_of_several_spreads_is_beyond_the_seeds(mp_split: Split) -> None:
    found = compared(row("ElemNet"), (0.20, 0.21), (0.2, 0.2))
    assert sheet_of(block(row("ElemNet")), mp_split, [found]).rows[0][3:5] == ("+0.0870", "yes")


def test_validation_and_not_the_test_set_says_which_a_search_would_choose(mp_split: Split) -> None:
    rows = (row("ElemNet"), row("BRNet"))
    found = [compared(rows[0], (0.10, 0.10), (0.30, 0.32)), compared(rows[1], (0.20,), (0.25,))]
    after = " ".join(sheet_of(block(*rows), mp_split, found).after)
    assert "By validation, which is what a search goes by, BRNet is best (0.2500)." in after
    assert "By validation" not in " ".join(sheet_of(block(*rows), mp_split, found[:1]).after)


def test_a_model_that_came_to_nothing_has_failed(mp_split: Split) -> None:
    rows = (row("ElemNet"), row("BRNet"))
    found = [compared(rows[0], (0.10,), (0.30,)), Compared.of(Outcome(rows[1]))]
    assert sheet_of(block(*rows), mp_split, found).rows[1] == ("BRNet", "0.106", "failed", *[""] * 7)


def test_of_two_published_figures_each_has_its_own_difference(mp_split: Split) -> None:
    """Our one test set stands beside both of the paper's."""
    two = row("BRNet", ("other", 0.5))
    sheet = sheet_of(block(two), mp_split, [compared(two, (0.2, 0.2), (0.1, 0.1))])
    cells = dict(zip(sheet.columns, sheet.rows[0], strict=True))
    assert (cells["difference (published)"], cells["difference (other)"]) == ("+0.0940", "-0.3000")


def test_on_what_data_is_said_of_both(mp_split: Split) -> None:
    sheet = sheet_of(replace(block(row("BRNet")), note="another quantity"), mp_split, ())
    parts = [f"{len(part):,}" for part in (mp_split.train, mp_split.validation, mp_split.test)]
    assert sheet.before[0] == "Theirs: 89,181 compositions."
    assert f"Ours: {mp_split.report.rows_kept:,} compositions of mp formation_energy" in sheet.before[1]
    assert f"{parts[0]} to train on, {parts[1]} for validation, {parts[2]} to test on" in sheet.before[1]
    assert sheet.before[-1] == "Note: another quantity."


def test_irnet_is_said_to_be_another_than_the_paper_s_where_it_is_shown(mp_split: Split) -> None:
    shown = [
        len(sheet_of(block(row(name)), mp_split, [compared(row(name), (0.1,), (0.1,))]).after)
        for name in ("BRNet", "IRNet")
    ]
    assert shown[1] == shown[0] + 1


def test_bubbles_are_mean_seconds_test_error_and_parameters() -> None:
    found = [compared(row("BRNet"), (0.20, 0.22), (0.1, 0.1)), Compared.of(Outcome(row("ElemNet")))]
    theirs, ours = bubbles_of("mp", found)
    assert {(b.name, b.seconds, b.error, b.parameters) for b in theirs} == {
        (name, trained.seconds, trained.error, PARAMETERS[name]) for name, trained in TABLE_1["mp"].items()
    }
    assert [(b.name, b.seconds, b.parameters) for b in ours] == [("BRNet", 40.0, PARAMETERS["BRNet"])]
    assert (ours[0].error, ours[0].spread) == pytest.approx((0.21, 0.0141421), abs=1e-6)


def test_curves_are_in_the_order_of_their_epochs_over_the_seconds_until_then(in_tmp: Path) -> None:
    store = open_store("sqlite:///mlflow.db", "mine")
    run_ids = [store.client.create_run(store.experiment_id).info.run_id for _ in range(2)]
    for step in (3, 1, 2):  # as a search that went on may have them
        values = {"validation_mae": 1 / step, "epoch_seconds": 10.0 * step}
        store.client.log_batch(run_ids[0], [Metric(key, value, 1, step) for key, value in values.items()])
    curves = curves_of(Outcome(row("BRNet"), run_ids=tuple(run_ids)), store.client)
    assert [(c.name, list(c.errors), list(c.seconds)) for c in curves] == [
        ("BRNet", [1.0, 1 / 2, 1 / 3], [10.0, 30.0, 60.0])
    ]


def test_baselines_are_searched_once_with_their_own_limits() -> None:
    order = order_of(["table=3", "dataset=mp", "seeds=3", "recipe.epochs=7", "time_budget=10m", "trials=20"])
    network, grid, automl = (order.config(space) for space in ("published", "traditional", "automl"))
    assert (network.seeds, network.recipe.epochs, network.time_budget_seconds) == ((0, 1, 2), 7, None)
    assert (grid.seeds, grid.time_budget_seconds) == ((0,), None)
    assert (automl.seeds, automl.trials, automl.time_budget_seconds) == ((0,), 20, 600.0)
    assert order_of(["table=3"]).config("automl").trials == DEFAULT_TRIALS


def test_every_row_of_a_table_has_the_same_seeds() -> None:
    with pytest.raises(UserError, match="every row of a table is trained from the same seeds"):
        order_of(["table=1", "seeds=adaptive:3"])


def test_own_tables_take_the_place_of_the_data_set() -> None:
    order = order_of(["table=5", "train=a.csv", "test=b.csv", "target=e"])
    data = order.config("published").data
    assert (data.dataset, data.path, data.test_table, data.target) == ("csv", "a.csv", "b.csv", "e")

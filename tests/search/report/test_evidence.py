"""What a page is made from is the search's own table and networks, and what is missing is said."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.candidate import Candidate
from models.estimator import Estimator
from models.published import BNET, BRNET
from models.recipe import FAST
from report.conftest import Archive, Report, trial
from search.data import DataRequest, Split, load
from search.errors import UserError
from search.history import PastSearch
from search.report.effects import main_effects
from search.report.evidence import gather
from search.report.residuals import missing_words
from search.results import NONE_ON_ALL_ROWS, rank
from spaces import build


def forget(search: PastSearch, trial_id: str) -> None:
    """Remove what a trial left from among its artifacts."""
    run = next(run for result, run in search.trials if result.trial_id == trial_id)
    shutil.rmtree(Path(run.info.artifact_uri.removeprefix("file://")))


def test_a_seed_whose_weights_are_gone_is_named_and_the_others_answer(
    archive: Archive, report: Report, mp_split: Split
) -> None:
    trials = [trial(f"s{seed}", Candidate(BRNET, FAST), seed, 0.2) for seed in (0, 1, 2)]
    search = archive.record(["space=branching", "dataset=mp", "rows=2000", "seeds=3"], trials, mp_split)
    forget(search, "s1")
    evidence = gather(search)
    assert evidence.predictions is not None
    assert evidence.predictions.missing_seeds == (1,)
    assert len(evidence.predictions.test.by_network) == 2
    text = report(search).text
    assert "the mean over its 2 seeds' networks. The weights of seed 1 are gone from MLflow and left out here." in text


def test_weights_that_never_were_are_not_said_to_be_gone(archive: Archive, mp_split: Split) -> None:
    """Of an estimator that was stopped when it was fitted to part of the rows."""
    search = archive.record(
        ["space=branching", "dataset=mp", "rows=2000"], [trial("a", Candidate(BRNET, FAST))], mp_split
    )
    ridge = Candidate(BRNET, replace(FAST, epochs=3), estimator=Estimator.of("ridge", {}, "standard"))
    ((result, run),) = search.trials
    stopped = replace(result, candidate=ridge, epochs=1)
    evidence = gather(replace(search, trials=((stopped, run),)))
    assert evidence.predictions is None
    assert missing_words(evidence) == NONE_ON_ALL_ROWS


def test_a_table_that_lies_elsewhere_now_is_taken_from_there(archive: Archive, in_tmp: Path) -> None:
    rows = load(DataRequest("mp", rows=60)).train
    table = in_tmp / "mine.csv"
    lines = ["formula,band_gap", *(f"{formula},{y}" for formula, y in zip(rows.formulas, rows.y, strict=True))]
    table.write_text("\n".join(lines) + "\n")
    search = archive.record(
        ["space=branching", "dataset=csv", f"path={table}", "target=band_gap"], [trial("a", Candidate(BRNET, FAST))]
    )
    moved = table.rename(in_tmp / "moved.csv")
    with pytest.raises(UserError, match="cannot be loaded again"):
        gather(search)
    evidence = gather(search, {"path": str(moved)})
    assert evidence.split.fingerprint == search.parent.data.tags["data"]
    assert evidence.target == "band_gap", "a column is named as its owner named it"


def test_a_property_of_a_known_table_is_named_in_words(archive: Archive, mp_split: Split) -> None:
    arguments = ["space=branching", "dataset=mp", "rows=2000"]
    assert gather(archive.record(arguments, [trial("a", Candidate(BRNET, FAST))], mp_split)).target == (
        "formation energy"
    )


def test_one_model_that_was_fitted_part_by_part_is_enough_for_curves(archive: Archive, mp_split: Split) -> None:
    candidates = list(build("traditional", replace(FAST, epochs=3), BRNET).candidates())[:2]
    trials = [
        replace(trial(str(place), each), epochs=epochs, best_epoch=epochs)
        for place, (each, epochs) in enumerate(zip(candidates, (1, 3), strict=True))
    ]
    search = archive.record(["space=traditional", "dataset=mp", "rows=2000"], trials, mp_split)
    evidence = gather(search)
    assert evidence.has_curves
    once = [replace(result, epochs=1) for result in trials]
    assert not replace(evidence, standings=tuple(rank(once))).has_curves


def test_a_failed_seed_makes_a_mean_no_more_certain() -> None:
    """Of as many choices as candidates, whose intervals come from the seeds."""
    plain = [c for c in build("components", FAST, BNET).candidates() if not c.architecture.dropout]
    with_norm = next(c for c in plain if c.architecture.normalisation == "batch")
    grid = [*[c for c in plain if c.architecture.normalisation != "batch"][:3], with_norm]
    kept = [
        trial(f"{place}-{seed}", each, seed, 0.2 + 0.01 * place + 0.002 * seed)
        for place, each in enumerate(grid)
        for seed in range(3)
    ]
    failed = [trial(f"{place}-9", each, 9, 0.0, failure="no memory") for place, each in enumerate(grid)]
    assert "the spread over seeds" in main_effects(rank(kept)).interval_source
    widths = [[effect.half_width for effect in main_effects(rank(r)).effects] for r in (kept, [*kept, *failed])]
    assert widths[0] == pytest.approx(widths[1])

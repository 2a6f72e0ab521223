"""How a search ends: with its ranking and its winner's test, or cut off, with how to go on."""

from __future__ import annotations

import logging

from mlflow.exceptions import MlflowException
from rich.console import Console

from search import early_stopping, ensembling
from search.conclusion import show_ranking, show_verdict, show_winner, tell, test_error, write_conclusion
from search.data import Split
from search.errors import CutOffError, reason_of
from search.judging import Tested
from search.pareto import show_front, write_front
from search.report.wording import count
from search.results import NONE_ON_ALL_ROWS, TrialResult, rank
from search.resume import command_to_resume
from search.row_parts import finals
from search.store import PATIENCE_SECONDS
from search.tracking import Tracker
from search.watch import Watch

logger = logging.getLogger(__name__)

PATIENCE_AT_AN_INTERRUPT = 20.0
"""Seconds that a search waits for MLflow when somebody waits for the search to end."""


def conclude(results: list[TrialResult], split: Split, tracker: Tracker, console: Console) -> int:
    """Rank what was trained, test the winner, and write both to MLflow and the terminal; the exit status.

    Raises CutOffError where MLflow or the disk does not take it.
    """
    compared = finals(tracker.config, results)
    standings = rank(compared)
    if not tracker.writer.flush(PATIENCE_SECONDS):
        raise CutOffError(f"MLflow has not taken all results ({tracker.writer.trouble})")
    if not standings or not standings[0].models:
        failed = [result for result in results if result.failure is not None]
        console.print("No trial came to a result." if len(failed) == len(results) else NONE_ON_ALL_ROWS)
        for result in failed[:5]:
            console.print(f"  {result.candidate}: {result.failure}", markup=False)
        return 1
    try:
        tested = Tested(split, tracker.product, lambda text: tell([text], console))
        test = test_error(standings[0], tested)
        write_conclusion(standings, test, split, tracker)
        if tracker.config.objectives:
            write_front(standings, tracker.config.objectives, split.unit, tracker)
        told = ensembling.finish(compared, test.mean, tested, tracker)
        told += early_stopping.finish(results, split.unit, tracker)
    except (MlflowException, OSError) as error:
        logger.exception("the conclusion could not be written")
        raise CutOffError(reason_of(error)) from error
    show_ranking(standings, tracker.config.recipe, split.unit, console)
    if tracker.config.objectives:
        show_front(standings, tracker.config.objectives, tracker.config.recipe, split.unit, console)
    show_winner(standings, test, split, tracker.config.recipe, console)
    show_verdict(standings, tracker.config.recipe, split.unit, console)
    tell(told, console)
    return 0


def cut_off(end: CutOffError, watch: Watch, tracker: Tracker, console: Console) -> None:
    """Show what was done, and how to go on."""
    results = finals(tracker.config, watch.results)
    if any(result.failure is None for result in results):
        show_ranking(rank(results), tracker.config.recipe, watch.progress.unit, console)
    leave(tracker)
    what = "Interrupted" if end.exit_status > 128 else f"The search has stopped: {end}"
    trials = count(watch.progress.done, "trial is", "trials are")
    done = f"{trials} done and kept, those under way have their checkpoints"
    how = command_to_resume(tracker.parent, tracker.config.tracking.uri)
    console.print(f"\n{what}. {done}; go on with\n  {how}", markup=False, highlight=False, soft_wrap=True)


def leave(tracker: Tracker) -> None:
    """Have no run in MLflow look as if it were under way."""
    tracker.close_unfinished()
    tracker.close("KILLED", PATIENCE_AT_AN_INTERRUPT)

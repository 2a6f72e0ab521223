"""One search from its configuration to its ranking."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from search import early_stopping
from search.conclusion import tell
from search.config import SearchConfig
from search.data import Split, load
from search.ending import conclude, cut_off, leave
from search.errors import CutOffError, UserError, reason_of
from search.extent import candidate_limit, seeds_in_words, total_trials, total_work
from search.folder import logging_to, new_folder, off_the_terminal
from search.inference.uncertainty import FEWEST_ROWS
from search.interrupts import Interrupts
from search.journal import Journal, alone_in
from search.measuring import measured_resources, with_step_cost
from search.objectives import check_task
from search.opening import Opening, keep, kept, opening_for
from search.plan import show_plan
from search.progress import Progress
from search.ray_session import planned_on, ray_for
from search.report.wording import count
from search.resources import LOCAL, Resources, resources_for
from search.resume import command_of, find, write_pointer
from search.row_parts import check_table
from search.schedulers import brackets_unfilled
from search.sqlite_file import absolute
from search.starting import pinned
from search.store import PATIENCE_SECONDS, open_store
from search.targets import error_name_of, space_of
from search.tracking import Tracker
from search.tuning import run_trials
from search.warm_start import warm_start
from search.watch import Watch
from spaces import Space

logger = logging.getLogger(__name__)

WIDTH_OF_A_FILE = 140


def search(config: SearchConfig) -> int:
    """Run or plan a search and return the exit status; raises UserError for what cannot be searched."""
    console, config = terminal(), pinned(config)
    split = loaded(config, console)
    config = with_step_cost(config, split)
    space = space_of(config, split)
    warm = warm_start(config, space, split) if config.warm_start is not None else None
    if warm is not None:
        console.print(f"{warm.words}\n", markup=False, highlight=False, soft_wrap=True)
    if config.dry_run:
        with planned_on(config):
            show_plan(config, space, split, resources_for(config, total_trials(config, space)), console)
        return 0
    return search_through(config, space, split, console, warm.opening if warm is not None else None)


def search_through(
    config: SearchConfig, space: Space, split: Split, console: Console, opening: Opening | None = None
) -> int:
    """A search through a space on data that are loaded, in a folder of its own; the exit status."""
    folder = new_folder(config)
    with alone_in(folder), logging_to(folder):
        return run_on_ray(config, space, split, folder, console, opening=opening)


def resume(run: str, given: Sequence[str]) -> int:
    """Go on with a search, with the settings given beside it; the exit status.

    Raises UserError where there is none, it is under way, or it would not be the same search.
    """
    found = find(run, given)
    console, config, journal = terminal(), found.config, Journal(found.folder)
    with alone_in(found.folder), logging_to(found.folder):
        opening = kept(journal)
        if found.is_finished(opening.within(space_of(config)), journal):
            console.print(f"This search is finished: `python -m search.report run={found.parent}` shows it.")
            return 0
        split = loaded(config, console)
        found.check(split)
        if changed := found.changed_versions():
            console.print(f"Versions have changed, which can change results: {', '.join(changed)}", markup=False)
        space = opening.within(space_of(config, split))
        return run_on_ray(config, space, split, found.folder, console, found.parent)


def loaded(config: SearchConfig, console: Console) -> Split:
    """The data, and what was done to it, on the terminal."""
    if config.cluster.address == LOCAL:
        resources_for(config, None)  # a GPU that is not there is said before anything is loaded
    split = load(config.data)
    check_table(config, len(split.train.y))
    check_task(config.objectives, error_name_of(split))
    for line in split.report.summary():
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if rows := too_few_to_register(split):
        console.print(rows, highlight=False, markup=False, soft_wrap=True)
    console.print()
    return split


def too_few_to_register(split: Split) -> str:
    """That no model of the search can be registered, in words; nothing where one can."""
    rows = len(split.validation.y)
    if rows >= FEWEST_ROWS:
        return ""
    return (
        f"{count(rows, 'validation row')}, and search.register calibrates a model on {FEWEST_ROWS} or more: give a "
        "larger table, or tables of your own for validation and test (validation_table=, test_table=)"
    )


def run_on_ray(
    config: SearchConfig,
    space: Space,
    split: Split,
    folder: Path,
    console: Console,
    parent: str | None = None,
    opening: Opening | None = None,
) -> int:
    """The search itself, once its store and its cluster have answered; the exit status."""
    store = open_store(config.tracking.uri, config.experiment)
    with ray_for(config):
        resources = measured_resources(config, space, split)
        tracker = Tracker(config, split, store, folder, parent)
        if parent is None:
            write_pointer(folder, tracker.parent, absolute(config.tracking.uri))
            tracker.client.log_param(tracker.parent, "resources", str(resources))
        return run(config, space, split, resources, tracker, folder, console, opening)


def terminal() -> Console:
    """As wide as the terminal, or wide enough for the tables where the output is a file."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_A_FILE)


def run(
    config: SearchConfig,
    space: Space,
    split: Split,
    resources: Resources,
    tracker: Tracker,
    folder: Path,
    console: Console,
    opening: Opening | None,
) -> int:
    """Train, rank, test the winner and say where to look, or how to go on; the exit status."""
    journal = Journal(folder)
    spent = journal.begin_session()
    opening = keep(opening or opening_for(space, candidate_limit(config, space)), journal)
    progress = progress_of(config, space, split, console, spent, opening.free)
    watch = Watch(tracker, progress, config.scheduler.name, journal, folder)
    limit = candidate_limit(config, space, opening.free)
    many = count(limit, "candidate") if limit else "no fixed number of candidates"
    console.print(
        f"{many}, {seeds_in_words(config, limit)}, {resources}; full log in {folder / 'search.log'}\n",
        highlight=False,
        soft_wrap=True,
    )
    try:
        tell(brackets_unfilled(config.scheduler, config.recipe.epochs, resources.concurrent), console)
        tell(early_stopping.told(tracker, split.fingerprint), console)
        train(config, space, split, resources, watch)
        status = conclude(watch.results, split, tracker, console)
        if not tracker.close("FAILED" if status else "FINISHED", PATIENCE_SECONDS):
            raise CutOffError(f"MLflow has not taken all results ({tracker.writer.trouble})")
    except (CutOffError, KeyboardInterrupt) as error:
        end = error if isinstance(error, CutOffError) else CutOffError("interrupted", 130)
        status = end.exit_status
        cut_off(end, watch, tracker, console)
    except UserError:
        leave(tracker)
        raise
    if tracker.writer.failures:
        console.print(f"MLflow refused {tracker.writer.failures} writes, which it lacks: see {folder / 'search.log'}")
    console.print(tracker.where_to_look(), markup=False, highlight=False, soft_wrap=True)
    if not status:
        page = command_of("search.report", f"run={tracker.parent}", config.tracking.uri)
        console.print(f"`{page}` makes a page of it", markup=False, highlight=False, soft_wrap=True)
    return status


def train(config: SearchConfig, space: Space, split: Split, resources: Resources, watch: Watch) -> None:
    """Train the trials that are left. Raises CutOffError where that did not come to its end, and KeyboardInterrupt."""
    try:
        with Interrupts(watch.interrupt), off_the_terminal("ray"):
            watch.progress.open()
            watch.take_over()
            run_trials(config, space, split, resources, watch)
    except (UserError, CutOffError):
        raise
    except Exception as error:  # a full disk, a cluster that is gone: what was done is kept, so say how to go on
        logger.exception("the search broke off")
        raise watch.stop or CutOffError(f"{type(error).__name__}: {reason_of(error)}") from error
    finally:
        watch.progress.close()
    if watch.stop is not None:
        raise watch.stop


def progress_of(
    config: SearchConfig, space: Space, split: Split, console: Console, spent: float, free: int
) -> Progress:
    """The display of a search that starts now, or did `spent` seconds ago, and with it its deadline.

    `free` candidates are known from earlier searches.
    """
    started = time.time() - spent
    deadline = started + config.time_budget_seconds if config.time_budget_seconds is not None else None
    title = f"{config.space.name} on {config.data.path or config.data.dataset} {split.target_name}"
    total, work = total_trials(config, space, free), total_work(config, space, free)
    is_at_most = config.adaptive or len(config.parts) > 1
    return Progress(title, total, config.recipe.epochs, split.unit, console, deadline, started, is_at_most, work)

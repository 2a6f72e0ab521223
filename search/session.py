"""One search from its configuration to its ranking."""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from models.architecture import PUBLISHED
from search.conclusion import show_ranking, show_winner, test_error, write_conclusion
from search.config import SearchConfig
from search.data import Split, load
from search.errors import UserError
from search.plan import show_plan
from search.progress import Progress
from search.resources import LOCAL, Resources, ray_for, resources_for
from search.results import TrialResult, rank
from search.store import open_store
from search.tracking import Tracker
from search.tuning import candidate_limit, run_trials, total_trials
from search.watch import Watch
from spaces import Space, build

logger = logging.getLogger(__name__)

WIDTH_OF_A_FILE = 140


def search(config: SearchConfig) -> int:
    """Run or plan a search and return the exit status; raises UserError for what cannot be searched."""
    console = terminal()
    space = space_of(config)
    if config.cluster.address == LOCAL:
        resources_for(config, None)  # a GPU that is not there is said before anything is loaded
    split = load(config.data)
    for line in split.report.summary():
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print()
    if config.dry_run:
        show_plan(config, space, split, resources_for(config, total_trials(config, space)), console)
        return 0
    folder = Path(config.output) / f"{config.space.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    with logging_to(folder):
        for line in split.report.summary():
            logger.info(line)
        return run_on_ray(config, space, split, folder, console)


def run_on_ray(config: SearchConfig, space: Space, split: Split, folder: Path, console: Console) -> int:
    """The search itself, once its store and its cluster have answered; the exit status."""
    store = open_store(config.tracking.uri, config.experiment)
    with ray_for(config):
        resources = resources_for(config, total_trials(config, space))
        return run(config, space, split, resources, Tracker(config, split, store), folder, console)


def terminal() -> Console:
    """As wide as the terminal, or wide enough for the tables where the output is a file."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_A_FILE)


def space_of(config: SearchConfig) -> Space:
    """The space that the configuration names. Raises UserError where it cannot be made."""
    base = PUBLISHED[config.space.architecture]
    try:
        return build(config.space.name, config.recipe, base, config.space.budget)
    except ValueError as error:
        raise UserError(str(error)) from error


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Everything said by any library goes to a file; the terminal stays for progress and results.

    Raises UserError where the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be made: {error.strerror}; choose another with output=") from error
    handler = logging.FileHandler(folder / "search.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


def run(
    config: SearchConfig,
    space: Space,
    split: Split,
    resources: Resources,
    tracker: Tracker,
    folder: Path,
    console: Console,
) -> int:
    """Train, rank, test the winner and say where to look; the exit status."""
    progress = progress_of(config, space, split, console)
    tracker.client.log_param(tracker.parent, "resources", str(resources))
    watch = Watch(tracker, progress, config.scheduler.name)
    count = f"{candidate_limit(config, space) or 'no fixed number of'} candidates"
    console.print(
        f"{count} x {len(config.seeds)} seed(s), {resources}; full log in {folder / 'search.log'}\n",
        highlight=False,
        soft_wrap=True,
    )
    status = "FAILED"
    try:
        with Interrupts() as interrupts:
            progress.open()
            run_trials(config, space, split, resources, watch, folder)
        progress.close()
        exit_status = conclude(watch.results, split, tracker, console)
        status = "KILLED" if interrupts.seen else "FAILED" if exit_status else "FINISHED"
        if interrupts.seen:
            tracker.kill_unfinished()
            console.print("Interrupted: what was done is kept in MLflow; the trials under way are not.")
            exit_status = 130
    finally:
        progress.close()
        tracker.close(status)
    console.print(tracker.where_to_look(), markup=False, highlight=False, soft_wrap=True)
    return exit_status


def progress_of(config: SearchConfig, space: Space, split: Split, console: Console) -> Progress:
    """The display of a search that starts now, and with it its deadline."""
    started = time.time()
    deadline = started + config.time_budget_seconds if config.time_budget_seconds is not None else None
    title = f"{config.space.name} on {config.data.path or config.data.dataset} {split.target_name}"
    total = total_trials(config, space)
    return Progress(title, total, config.recipe.epochs, split.unit, console, deadline, started)


def conclude(results: list[TrialResult], split: Split, tracker: Tracker, console: Console) -> int:
    """Rank what was trained, test the winner, and write both to MLflow and the terminal; the exit status."""
    standings = rank(results)
    tracker.writer.flush()
    if not standings or not standings[0].trained:
        console.print("No trial came to a result.")
        for result in results[:5]:
            console.print(f"  {result.candidate.architecture}: {result.failure}", markup=False)
        return 1
    test = test_error(standings[0], split, tracker)
    write_conclusion(standings, test, split, tracker)
    show_ranking(standings, tracker.config.recipe, split.unit, console)
    show_winner(standings, test, split, tracker.config.recipe, console)
    return 0


class Interrupts:
    """Turns Ctrl-C (and SIGTERM) into Ray Tune's orderly end, which saves its state; a second one ends at once.

    Tune would take SIGINT itself and tell nobody; it also ends on SIGUSR1, so that is what is passed on.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.seen = False

    def __enter__(self) -> Interrupts:
        os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
        self._before = {number: signal.signal(number, self._pass_on) for number in self.SIGNALS}
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        return self

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True
        signal.raise_signal(signal.SIGUSR1)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

"""A search's own folder, and the log in it."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.config import SearchConfig
from search.errors import UserError


def new_folder(config: SearchConfig) -> Path:
    """A folder of the search's own. Raises UserError where it cannot be made."""
    name = f"{config.space.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    for again in range(100):
        folder = Path(config.output) / (f"{name}-{again}" if again else name)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue  # of a search that began in the same second
        except OSError as error:
            raise UserError(
                f"the folder {folder} cannot be made: {error.strerror}; choose another with output="
            ) from error
        return folder
    raise UserError(f"there is no name left for a folder in {config.output}: choose another with output=")


class LogFile(logging.FileHandler):
    """Says nothing where the disk takes no more: the search itself does."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        pass


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Everything said by any library goes to a file; the terminal stays for progress and results."""
    handler = LogFile(folder / "search.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings(), off_the_terminal("mlflow"):
            warnings.simplefilter("default")
            yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def off_the_terminal(library: str) -> Iterator[None]:
    """Have a library that writes its log to the terminal itself leave that to the root's handlers."""
    own = logging.getLogger(library)
    handlers, propagates = list(own.handlers), own.propagate
    own.handlers, own.propagate = [], True
    try:
        yield
    finally:
        own.handlers, own.propagate = handlers, propagates

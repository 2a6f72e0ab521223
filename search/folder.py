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
    mlflow = logging.getLogger("mlflow")  # which has a handler of its own, for the terminal
    handlers, propagates = list(mlflow.handlers), mlflow.propagate
    mlflow.handlers, mlflow.propagate = [], True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            yield
    finally:
        mlflow.handlers, mlflow.propagate = handlers, propagates
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()

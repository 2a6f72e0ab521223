"""Files that a reader sees whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.errors import UserError


@contextmanager
def whole_file(path: Path, key: str) -> Iterator[Path]:
    """A path beside `path` to write to, which takes its place where the `with` ends well.

    Raises UserError, naming the setting `key`, where it cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{key}={path} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)

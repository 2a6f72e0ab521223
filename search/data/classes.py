"""Classes as a target: read off a property, or named in a table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.data.catalog import Property
from search.data.cleaning import Cleaned
from search.data.sources import Source
from search.errors import UserError

MOST_CLASSES = 50
"""More are hardly classes, but the values of a regression."""


def derive(cleaned: Cleaned, derived: Property, name: str) -> Cleaned:
    """A table of two classes out of that of the property they are read off: 1 at the limit and below, 0 above it."""
    assert derived.classes is not None
    report = replace(cleaned.report, target=name, unit="", classes=derived.classes)
    return replace(cleaned, y=(cleaned.y <= derived.limit).astype(np.float32), report=report)


def counted(y: NDArray[np.float32], classes: tuple[str, ...]) -> tuple[int, ...]:
    """The rows of each class among the class numbers `y` (rows,)."""
    return tuple(np.bincount(y.astype(np.int64), minlength=len(classes)).tolist()) if classes else ()


def check_classes(cleaned: Cleaned, source: Source) -> None:
    """Raises UserError where a table's values are no classes to learn."""
    classes = cleaned.report.classes
    if not 2 <= len(classes) <= MOST_CLASSES:
        examples = ", ".join(classes[:5])
        raise UserError(
            f"{source.path}: {cleaned.report.target} has {len(classes):,} different values ({examples}), and a "
            f"classification takes 2 to {MOST_CLASSES}: name another target=, or leave out task=classification."
        )

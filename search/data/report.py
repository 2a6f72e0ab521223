"""What cleaning did to a table, for people and for logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_EXAMPLE_WIDTH = 40


@dataclass(frozen=True)
class Example:
    """A rejected row: its formula and value as written (shortened), and its line in the file."""

    formula: str
    value: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.formula} = {self.value}"


@dataclass(frozen=True)
class CleaningReport:
    """Counts of rows: rows_in = rows_kept + merged + the sum of rejected + left_out.

    merged: rows of a composition that another row stands for. left_out: compositions that `rows=` did not draw, or
    that a held-out family or a test table keeps out of the training. classes: their names, in the order of their
    numbers, and how many rows each has.
    rejected: reason -> rows; examples: reason -> a few of them. The rules are sentences, and so are notes: what was
    read otherwise than it is written, and what looks wrong in the table.
    """

    source: str
    rows_in: int
    rows_kept: int
    merged: int
    merge_rule: str
    outlier_rule: str
    rejected: Mapping[str, int]
    examples: Mapping[str, tuple[Example, ...]]
    elements: tuple[str, ...] = ()
    left_out: int = 0
    target: str = ""
    unit: str = ""
    value_range: tuple[float, float] = field(default=(0.0, 0.0))
    classes: tuple[str, ...] = ()
    class_rows: tuple[int, ...] = ()
    held_out: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rows_rejected(self) -> int:
        """All rejected rows, whatever the reason."""
        return sum(self.rejected.values())

    @property
    def why_left_out(self) -> str:
        """`left out by rows=`; without the reason where it may also have been that another part holds them."""
        return "left out" if self.held_out else "left out by rows="

    def summary(self) -> list[str]:
        """Lines for a terminal."""
        unit = f" {self.unit}" if self.unit else ""
        values = f"{self.value_range[0]:.4g} to {self.value_range[1]:.4g}{unit}"
        if self.class_rows:
            values = ", ".join(f"{n:,} {name}" for name, n in zip(self.classes, self.class_rows, strict=True))
        lines = [
            self.source,
            f"{self.target}: {values}, {len(self.elements)} elements",
            f"{self.rows_in:,} rows in, {self.rows_kept:,} kept: {self.merged:,} merged, "
            f"{self.rows_rejected:,} rejected" + (f", {self.left_out:,} {self.why_left_out}" if self.left_out else ""),
            f"merged: {self.merge_rule}",
            self.outlier_rule,
            *([self.held_out] if self.held_out else []),
            *self.notes,
        ]
        for reason, count in sorted(self.rejected.items(), key=lambda item: (-item[1], item[0])):
            shown = "; ".join(str(example) for example in self.examples.get(reason, ()))
            lines.append(f"rejected {count:,}, {reason} ({shown})")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON's types."""
        return {**asdict(self), "elements": list(self.elements), "value_range": list(self.value_range),
                "classes": list(self.classes), "class_rows": list(self.class_rows),
                "notes": list(self.notes),
                "examples": {reason: [asdict(example) for example in examples]
                             for reason, examples in self.examples.items()}}  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CleaningReport:
        """The inverse of `to_dict`."""
        return cls(**{**values, "elements": tuple(values["elements"]), "value_range": tuple(values["value_range"]),
                      "classes": tuple(values.get("classes", ())), "class_rows": tuple(values.get("class_rows", ())),
                      "notes": tuple(values.get("notes", ())),
                      "examples": {reason: tuple(Example(**example) for example in examples)
                                   for reason, examples in values["examples"].items()}})  # fmt: skip


def shorten(cell: object) -> str:
    """A cell of a file as one short, printable line."""
    # Cut before repr, which would spend a second on 10 MB.
    text = repr(str(cell)[: 2 * _EXAMPLE_WIDTH])[1:-1]
    return text if len(text) <= _EXAMPLE_WIDTH else text[: _EXAMPLE_WIDTH - 3] + "..."

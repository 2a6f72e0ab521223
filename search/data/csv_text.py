"""The text of a CSV file: its encoding, its separator, and its rows with the lines they stand on."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from search.errors import UserError

# A quoted cell may hold line breaks, a structure's file among them; one with this many for a formula or a value, or in
# a row of another width than the header, was opened by mistake.
MOST_LINES_IN_A_ROW = 20
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(?P<separator>[,;\t|])\"?\s*", re.IGNORECASE)
"""What Excel takes a file's separator from, and no row of it."""
_OTHER_KINDS = (
    (re.compile(rb"PK[\x00-\x08]"), "an Excel workbook or a zip archive"),
    (re.compile(rb"\x1f\x8b"), "a file packed by gzip"),
    (re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*"|\[\s*[\[{"])'), "JSON"),
)
"""What people take for tables, by its first bytes."""


@dataclass
class Lines:
    """A header and the rows of its width, with the numbers of their first lines."""

    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    malformed: list[tuple[int, str]] = field(default_factory=list)
    long: list[tuple[int, list[str]]] = field(default_factory=list)
    """Rows that go over many lines, with the first of these."""


def is_utf16(path: Path, content: bytes) -> bool:
    """Whether a file that begins like this is in UTF-16. Raises UserError where it is no table of text at all."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    kind = next((kind for begins, kind in _OTHER_KINDS if begins.match(content)), None)
    if kind is not None or b"\0" in content:
        raise UserError(f"{path} is {kind or 'a binary file'}, not a table of text: save it as CSV or Parquet.")
    return False


def decode(path: Path, content: bytes) -> str:
    """The file's text. Raises UserError for a binary file or an encoding that is none of ours."""
    encodings = ["utf-16"] if is_utf16(path, content) else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path} is not text in UTF-8, UTF-16 or Windows-1252: save it as CSV in UTF-8.")


def separator_of(text: str) -> str:
    """The separator that the first line names, as Excel's `sep=;`, or that the header uses most, outside quotes and
    brackets, as in `gap (eV, PBE)`: the first line that holds more than separators."""
    lines = (found.group() for found in re.finditer(r'(?:"[^"]*"|[^"\r\n]|")+', text))
    header = next((line for line in lines if line.strip(" ,;\t\ufeff")), "")
    if named := _SEPARATOR_LINE.fullmatch(header):
        return named["separator"]
    bare = re.sub(r'"[^"]*"|\([^()]*\)|\[[^\[\]]*\]', "", header)
    return max([",", ";", "\t"], key=bare.count)


def is_separator_line(row: list[str], separator: str) -> bool:
    """Whether a file's first row is Excel's `sep=;`, which stands before the header."""
    return _SEPARATOR_LINE.fullmatch(separator.join(row)) is not None


def read_lines(path: Path, text: str, separator: str) -> Lines:
    """The header and all rows with anything in them. Raises UserError where the text is no table."""
    csv.field_size_limit(2**31 - 1)  # a cell of any length is a row to reject with its reason, not a crash
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    lines: Lines | None = None
    line, is_first = 0, True  # where the row before ended
    try:
        for row in reader:
            first, line = line + 1, reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            is_named, is_first = is_first and is_separator_line(row, separator), False
            if is_named:
                continue
            if lines is None:
                lines = Lines([name.strip() for name in row])
            elif len(row) == len(lines.header):
                lines.rows.append(row)
                lines.numbers.append(first)
                if line - first >= MOST_LINES_IN_A_ROW:
                    lines.long.append((first, row))
            elif line - first >= MOST_LINES_IN_A_ROW:
                raise open_quote(path, first)
            else:
                lines.malformed.append((first, separator.join(row)))
    except csv.Error as error:
        raise UserError(f"{path}, line {line + 1}: not readable as CSV ({error}); look for stray quotes.") from error
    if lines is None:
        raise empty(path)
    return lines


def open_quote(path: Path, line: int) -> UserError:
    """What to say of a row that goes over so many lines that a quote must have been left open in it."""
    return UserError(f"{path}, line {line}: a quote is opened here and not closed; close or remove it.")


def empty(path: Path) -> UserError:
    """What to say of a file with nothing in it."""
    return UserError(f"{path} is empty: give a table with a header line and at least 3 rows.")

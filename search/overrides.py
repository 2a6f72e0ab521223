"""The arguments of the command line, each checked by itself: known key, known option, readable value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from search.data.catalog import nearest
from search.errors import UserError
from search.readers import Reader, without_password
from search.settings import GROUPS, keys

LONGEST_SHOWN = 80


@dataclass
class Overrides:
    """What the user said: an option for some groups, values for some keys. Where a key comes twice, the last counts."""

    options: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)
    """Free text by key. It never meets Hydra, in whose grammar brackets, spaces, = and ${ have meanings."""

    def for_hydra(self) -> list[str]:
        """The options and values in Hydra's grammar."""
        return [f"{group}={option}" for group, option in self.options.items()] + [
            f"{key}={json.dumps(value)}" for key, value in self.values.items()
        ]


def read_overrides(arguments: Sequence[str], options: Mapping[str, Sequence[str]]) -> Overrides:
    """The arguments, where each group has the given options.

    Raises UserError on the first that is not `key=value`, has an unknown key or option, or an unreadable value.
    """
    overrides, known = Overrides(), keys()
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key:
            raise UserError(f"{shown(argument)} is not a setting: write key=value, as in trials=20.")
        if key in GROUPS:
            if text not in options[key]:
                raise UserError(f"{shown(argument)} is unknown: {nearest(text, options[key])}.")
            overrides.options[key] = text
        elif key in known:
            reader = known[key].reader
            (overrides.texts if reader.is_text else overrides.values)[key] = read_value(argument, reader)
        else:
            raise UserError(unknown_key(key, argument, [*GROUPS, *known]))
    return overrides


def read_value(argument: str, reader: Reader) -> Any:
    """The value of a `key=value` argument. Raises UserError with what it has to be."""
    text = argument.partition("=")[2]
    try:
        return reader.read(text)
    except ValueError:
        if reader.names:
            raise UserError(f"{shown(argument)} is unknown: {nearest(text, reader.names)}.") from None
        raise UserError(f"{shown(argument)} is not {reader.expects}.") from None


def unknown_key(key: str, argument: str, known: Sequence[str]) -> str:
    """The sentence for a key that there is not, with the nearest that there is."""
    # by the last part of the key, so that `batch_size` leads to `recipe.batch_size`
    found = {name.rpartition(".")[2]: name for name in known}
    close = get_close_matches(key.rpartition(".")[2].lower(), found, n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(found[match] for match in close)}? Settings" if close else "settings"
    return f"{shown(argument)} cannot be set, there is no {shown(key)}: {hint} are listed by --help."


def shown(text: str) -> str:
    """Text of a user's as it can stand in a sentence: in one line, not too long, and without a password."""
    text = without_password(text)
    line = text if text and text.isprintable() else ascii(text)
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 3] + "..."

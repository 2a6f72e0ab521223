"""The arguments of the commands beside `search.run`: `key=value` and, for some, plain words."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search.errors import UserError
from search.group_settings import Setting
from search.overrides import read_value, shown, unknown_key
from search.readers import TEXT


def read_arguments(
    argv: Sequence[str], settings: Mapping[str, Setting], takes_words: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Values by key, those given and no others, and the plain words. Raises UserError, in one sentence."""
    values: dict[str, Any] = {}
    words: list[str] = []
    for argument in argv:
        key, equals, _ = argument.partition("=")
        if equals and key in settings:
            values[key] = read_value(argument, settings[key].reader)
        elif equals and key:
            raise UserError(unknown_key(key, argument, list(settings)))
        elif takes_words and argument and not argument.startswith("-"):
            words.append(argument)
        else:
            raise UserError(f"{shown(argument)} is not a setting: write key=value; settings are listed by --help.")
    return values, words


def usage(command: str, purpose: str, examples: Sequence[str], settings: Mapping[str, Setting]) -> str:
    """What --help prints."""
    width = max(len(key) for key in settings) + 1
    lines = [f"python -m {command}: {purpose}", "", "examples:", *(f"  {example}" for example in examples), "", "keys:"]
    lines += [f"  {key + '=':<{width}}  {setting.meaning}" for key, setting in settings.items()]
    return "\n".join(lines)


def tell_of_downloads() -> None:
    """Show on the terminal what downloads say of their progress."""
    logger = logging.getLogger("search.data.downloads")
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)


def run_command(name: str, command: Callable[[Sequence[str]], int], help_text: str) -> int:
    """Run a command on the process's arguments; a user's mistake is one sentence and exit status 2."""
    argv = sys.argv[1:]
    if {"-h", "--help"} & set(argv):
        print(help_text)
        return 0
    tell_of_downloads()
    try:
        return command(argv)
    except UserError as mistake:
        print(f"{name}: {mistake}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130


TABLE: Mapping[str, Setting] = {
    "path": Setting(TEXT, "the search's own table, if it lies elsewhere now"),
    "test_table": Setting(TEXT, "its table to test on, if that lies elsewhere now"),
    "validation_table": Setting(TEXT, "its table to validate on, if that lies elsewhere now"),
    "data_dir": Setting(TEXT, "the folder of <dataset>/<property>.csv, if it is another than the search had"),
}
"""Settings by which a command that loads a search's data again finds them; they must be the very same."""

"""The command that searches: `python -m search.run space=branching dataset=jarvis`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from search.arguments import tell_of_downloads
from search.errors import UserError
from search.parsing import parse
from search.usage import help_text


def resumed(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """What `resume=` names, None without it, and the other arguments. Raises UserError where it names nothing."""
    key = "resume="
    named = [argument.removeprefix(key) for argument in arguments if argument.startswith(key)]
    if named and not named[-1]:
        raise UserError("resume= needs a search: resume=latest, the id of its run in MLflow, or its folder.")
    return named[-1] if named else None, [argument for argument in arguments if not argument.startswith(key)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 no trial succeeded, 2 a mistake in what was asked for, 3 cut off by something beyond the
    search, such as a full disk, 130 interrupted, 143 terminated; after 3, 130 and 143 it can be resumed.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    tell_of_downloads()
    try:
        run, given = resumed(arguments)
        config = parse(given) if run is None else None
        # Ray, torch and MLflow take seconds to import: a typing error need not wait for them.
        session = import_module("search.session")
        return int(session.search(config) if config is not None else session.resume(run, given))
    except UserError as mistake:
        print(f"search.run: {mistake}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("search.run: interrupted before the first trial", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

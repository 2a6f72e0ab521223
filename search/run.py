"""The command that searches: `python -m search.run space=branching dataset=jarvis`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from search.config import parse
from search.errors import UserError
from search.usage import help_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 no trial succeeded, 2 a mistake in what was asked for, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    try:
        config = parse(arguments)
        # Ray, torch and MLflow take seconds to import: a typing error need not wait for them.
        return int(import_module("search.session").search(config))
    except UserError as mistake:
        print(f"search.run: {mistake}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("search.run: interrupted before the first trial", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

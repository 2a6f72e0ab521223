"""What `python -m search.run --help` prints."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from models.recipe import RECIPES
from search.group_settings import Setting
from search.groups import compose_values, options
from search.settings import CHANGEABLE, GROUPS, keys
from spaces import SPACES

OPTION_MEANINGS: dict[str, dict[str, str]] = {
    "space": {name: entry.meaning for name, entry in SPACES.items()},
    "dataset": {
        "jarvis": "JARVIS-DFT, downloaded by jarvis-tools",
        "crabnet": "public benchmarks in their own split, out of the package crabnet: property=CritExam__Ef",
        "mp": "Materials Project; formation energies come with the package",
        "oqmd": "Open Quantum Materials Database, downloaded",
        "csv": "a table of your own: path= and target=",
    },
    "recipe": {
        "paper": "as published: Adam, 1e-4, up to 3000 epochs",
        "fast": "ours: lower error in the same time",
        "muon": "ours: Muon, lower errors of small networks on a CPU",
    },
    "scheduler": {
        "none": "every trial trains to its end",
        "asha": "stop the poorer trials at rungs, asynchronously",
        "hyperband": "the same in brackets of different patience",
        "rows": "for large tables: all candidates on a part of the rows, the best on more, few on all",
    },
    "cluster": {
        "local": "start Ray on this machine",
        "auto": "join the Ray cluster that is running",
    },
    "tracking": {
        "sqlite": "a file here; `mlflow ui` in the same folder shows it",
        "server": "an MLflow server: tracking.uri=",
    },
}

EXAMPLES = """\
  python -m search.run space=branching dataset=jarvis
  python -m search.run space=hyperparameters architecture=BRNet scheduler=asha trials=50 time_budget=2h recipe.epochs=20
  python -m search.run dataset=csv path=my.csv target='E_form (eV/atom)' dry_run=true
  python -m search.run resume=latest"""

RESUMING = """\
A search that was interrupted, killed or cut off goes on with resume=latest, resume=<id of its run> or its folder.
Trials that are done stay, those under way go on from their last checkpoint, those whose process was lost too often
are tried again, and a time budget counts the time already spent. Trials and time may be added; of the settings only
these may differ from before:"""


def help_text() -> str:
    """Every group with its options and every key with its default and meaning; examples."""
    return "\n".join(
        [
            "usage: python -m search.run [group=option ...] [key=value ...]",
            "",
            "Search network architectures and hyperparameters with Ray Tune; results are in MLflow.",
            "",
            "examples:",
            EXAMPLES,
            "",
            "groups (* is the default):",
            *_group_lines(),
            "",
            "to go on:",
            *(f"  {line}" for line in [*RESUMING.splitlines(), *textwrap.wrap(", ".join(CHANGEABLE), 110)]),
            "",
            "keys, with their defaults:",
            *_key_lines(),
        ]
    )


def _group_lines() -> Iterator[str]:
    default = compose_values([])
    for group, names in options().items():
        yield f"  {group}: {GROUPS[group]}"
        for name in sorted(names, key=list(OPTION_MEANINGS[group]).index):
            mark = "*" if name == default[group]["name"] else " "
            yield f"   {mark} {group + '=' + name:<24} {OPTION_MEANINGS[group][name]}"


def _key_lines() -> Iterator[str]:
    defaults = compose_values([])
    for key, setting in keys().items():
        if not key.startswith("recipe."):
            yield f"  {key + '=' + _default(key, setting, defaults):<32} {_meaning(setting)}"
    yield ""
    yield "keys of the recipe, with the defaults of " + " | ".join(f"recipe={name}" for name in RECIPES) + ":"
    for key, setting in keys().items():
        if key.startswith("recipe."):
            values = " | ".join(_text(getattr(recipe, key.removeprefix("recipe."))) for recipe in RECIPES.values())
            names = f" ({', '.join(setting.reader.names)})" if setting.reader.names else ""
            yield f"  {key + '=' + values:<40} {setting.meaning}{names}"


def _default(key: str, setting: Setting, defaults: dict[str, Any]) -> str:
    group, dot, leaf = key.rpartition(".")
    if not dot:
        return _text(defaults[leaf])
    # the default of a group's key is that of the option it has a meaning for
    choice = [setting.only_for[0]] if setting.only_for else []
    return _text(compose_values(choice)[group][leaf])


def _meaning(setting: Setting) -> str:
    return setting.meaning + (f" [{' or '.join(setting.only_for)}]" if setting.only_for else "")


def _text(value: Any) -> str:
    """A value as users write it."""
    if value == [0]:
        return "1"
    return value if isinstance(value, str) else json.dumps(value)

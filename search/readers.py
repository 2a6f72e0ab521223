"""What the text of a setting may be, and the value it stands for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.architecture import Architecture
from models.published import PUBLISHED
from search.errors import UserError

MOST_SEEDS = 1_000
"""All are written in one tag of MLflow, which holds 8,000 characters."""
ADAPTIVE = "adaptive"
"""The form of seeds= that repeats the promising candidates alone, up to a number of seeds."""
ADAPTIVE_SEEDS = 5

HIGHEST_SEED = 2**32 - 1
"""The highest that numpy takes."""

LARGEST_WHOLE = 10**15
"""More of anything is a slip of the finger, and below it floats are exact."""

LONGEST_SECONDS = 365 * 86_400.0

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_UNIT_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0)


@dataclass(frozen=True)
class Reader:
    """Reads the text of one setting.

    `expects` says what the text has to be, as the end of the sentence "trials=x is not ...". `read` raises ValueError
    on any other. `names` are the only texts there are, where they can be listed. `is_text` marks free text, which is
    taken as typed.
    """

    expects: str
    read: Callable[[str], Any]
    names: tuple[str, ...] = ()
    is_text: bool = False


def without_password(text: str) -> str:
    """Text in which stars stand for the passwords of the addresses in it, as in `://name:password@` and `password=`."""
    text = re.sub(r"(://[^:/@]*:).*@", r"\1***@", text, flags=re.DOTALL)
    return re.sub(r"(pass\w*=)[^&\s]+", r"\1***", text, flags=re.IGNORECASE)


def optional(reader: Reader, *others: str) -> Reader:
    """The reader that also takes `null`, and the other words given, for None."""
    words = ("null", *others)
    return Reader(
        ", or ".join((reader.expects, *others)),
        lambda text: None if text in words else reader.read(text),
        reader.names and (*reader.names, *words),
        reader.is_text,
    )


def whole(least: int | None = None, most: int = LARGEST_WHOLE) -> Reader:
    """A whole number from `least` to `most`; also written 4.5e6."""

    def read(text: str) -> int:
        value = _finite(text) if re.search(r"[.eE]", text) else int(text)
        if value != int(value) or abs(value) > most or (least is not None and value < least):
            raise ValueError(text)
        return int(value)

    bounds = "" if least is None else f" of {least} or more"
    if most < LARGEST_WHOLE:
        bounds += f", up to {most}"
    return Reader(f"a whole number{bounds}", read)


def number(above: float | None = None) -> Reader:
    """A finite number, greater than `above`."""

    def read(text: str) -> float:
        value = _finite(text)
        if above is not None and value <= above:
            raise ValueError(text)
        return value

    return Reader("a number" + ("" if above is None else f" above {above:g}"), read)


def one_of(names: Iterable[str]) -> Reader:
    """One of the names."""
    valid = tuple(names)

    def read(text: str) -> str:
        if text not in valid:
            raise ValueError(text)
        return text

    return Reader(f"one of {', '.join(valid)}", read, valid)


def names_led_by(first: tuple[str, ...], others: tuple[str, ...]) -> Reader:
    """A list of different names, one of `first` before some of `others`; a single name needs no brackets."""

    def read(text: str) -> list[str]:
        listed = re.fullmatch(r"\[(.*)\]", text)
        names = [name.strip() for name in (listed[1] if listed else text).split(",")]
        if names[0] not in first or len(set(names)) < len(names) or not set(names[1:]) <= set(others):
            raise ValueError(text)
        return names

    example = f"[{first[0]},{others[0]}]"
    return Reader(f"{' or '.join(first)}, and after it any of {', '.join(others)}: such as {example}", read)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _read_text(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _read_store(text: str) -> str:
    """Refuses a password: other users of the machine see it in the list of processes, and logs and MLflow keep it."""
    if without_password(_read_text(text)) != text:
        raise ValueError(text)
    return text


def _read_folder(text: str) -> str:
    if "://" in _read_text(text):
        raise ValueError(text)
    return text


def _read_truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _read_seconds(text: str) -> float:
    """1h30m -> 5400."""
    match = _DURATION.fullmatch(text)
    if not match or not text:
        raise ValueError(text)
    seconds = sum(float(part) * unit for part, unit in zip(match.groups(), _UNIT_SECONDS, strict=True) if part)
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError(text)
    return seconds


def _read_seeds(text: str) -> list[int] | str:
    """3 -> [0, 1, 2]; [3,5] -> [3, 5]; adaptive -> adaptive:5."""
    if text.partition(":")[0] == ADAPTIVE:
        most = int(text.partition(":")[2]) if ":" in text else ADAPTIVE_SEEDS
        if not 2 <= most <= MOST_SEEDS:
            raise ValueError(text)
        return f"{ADAPTIVE}:{most}"
    listed = re.fullmatch(r"\[(.*)\]", text)
    if listed:
        seeds = [int(seed) for seed in listed[1].split(",")]
    else:
        count = int(text)
        seeds = list(range(count)) if count <= MOST_SEEDS else []
    in_range = all(0 <= seed <= HIGHEST_SEED for seed in seeds)
    if not 1 <= len(seeds) <= MOST_SEEDS or len(set(seeds)) < len(seeds) or not in_range:
        raise ValueError(text)
    return seeds


def _read_gpus(text: str) -> float:
    gpus = _finite(text)
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise ValueError(text)
    return gpus


def _read_network(text: str) -> str:
    """A published name as it is; an architecture's JSON, or that in a file, in its one form; or a list of them."""
    names = re.fullmatch(r"\[([\w\s,]+)\]", text)
    if names:
        text = json.dumps([name.strip() for name in names[1].split(",")])
    is_json, is_file = text.lstrip().startswith(("{", "[")), text.endswith(".json")
    if not (is_json or is_file):
        if text not in PUBLISHED:
            raise ValueError(text)
        return text
    try:
        found = text if is_json else Path(text).expanduser().read_text(encoding="utf-8")
        if not found.lstrip().startswith("["):
            return Architecture.from_json(found).to_json()
        if not json.loads(found):
            raise ValueError("the list is empty")
        return json.dumps([_network_in_list(one) for one in json.loads(found)], separators=(",", ":"))
    except (OSError, ValueError) as error:
        example = '{"groups": [{"width": 256, "layers": 6}], "activation": "silu"}'
        raise UserError(f"architecture= cannot be read: {error}; it is written as in {example}.") from error


def _network_in_list(found: Any) -> Any:
    """A published name, or an architecture in its one form. Raises ValueError on what is neither."""
    if not isinstance(found, str):
        return json.loads(Architecture.from_json(json.dumps(found)).to_json())
    if found not in PUBLISHED:
        raise ValueError(f"{found} is none of {', '.join(PUBLISHED)}")
    return found


NETWORK = Reader(
    f"a network: {', '.join(PUBLISHED)}, a .json file or JSON, or a list of some",
    _read_network,
    tuple(PUBLISHED),
    is_text=True,
)

TEXT = Reader("a text of one character or more", _read_text, is_text=True)
STORE = Reader(
    "an address without a password: passwords come from the environment, as MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD for a server or PGPASSWORD for PostgreSQL",
    _read_store,
    is_text=True,
)
"""Where MLflow keeps its runs."""
FOLDER = Reader("a folder, on a cluster one that all nodes see under the same name", _read_folder, is_text=True)
TRUTH = Reader("true or false", _read_truth)
SECONDS = Reader("a time above 0 and up to 365d, such as 45s, 90m, 1h30m, or 5400 for seconds", _read_seconds)
SEEDS = Reader(
    f"a number of seeds (1 to {MOST_SEEDS}), a list of different ones (0 to {HIGHEST_SEED}) such as [3,5], or "
    f"{ADAPTIVE}, {ADAPTIVE}:8 (2 to {MOST_SEEDS})",
    _read_seeds,
)
GPUS = Reader("a part of one GPU (0 to 1) or a whole number of GPUs", _read_gpus)

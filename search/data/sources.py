"""Where a data set's table is found: a local folder, the package itself, or another public package."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from search.data import crabnet, jarvis, materials_project, oqmd
from search.data.catalog import CSV, DATASETS, Property, nearest
from search.data.downloads import UnavailableError
from search.data.request import TASKS, DataRequest
from search.data.table import Columns, is_energy_name
from search.data.units import name_and_unit
from search.errors import UserError

DATA_VARIABLE = "BRANCHSEARCH_DATA"
SHIPPED = Path(__file__).parent / "shipped"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A table's bytes, where they are from (a phrase for people), and how to read them."""

    path: Path
    content: bytes
    description: str
    columns: Columns
    unit: str
    plausible: tuple[float, float] | None
    floor: float | None = None
    derived: Property | None = None
    """The property of two classes that the table's values are to be turned into."""
    split: tuple[tuple[Path, bytes], ...] = ()
    """The tables of validation and test where the data set comes with a split of its own."""


def find(request: DataRequest) -> Source:
    """The first place that has the table: local folder, package, cache, download. Raises UserError if none has."""
    if request.dataset == CSV:
        assert request.path is not None
        assert request.target is not None
        path = Path(request.path).expanduser()
        columns = Columns((request.target,), request.formula_column, classes=request.task == TASKS[1])
        unit = name_and_unit(request.target)[1] if request.task == TASKS[0] else ""
        return Source(path, read_file(path), str(path), columns, unit, None, request.floor)
    folder = _local_folder(request)
    measured = _property(request, folder)
    if measured.of is not None:
        return replace(find(replace(request, property=measured.of)), derived=measured)
    if measured.split_files:
        return _find_split(request, folder, measured)
    path, content, description = _look_up(request, folder, measured)
    columns = Columns((request.property, "target"), energy_is_target=is_energy_name(request.property))
    return Source(path, content, description, columns, measured.unit, measured.plausible, measured.floor)


def _find_split(request: DataRequest, folder: Path | None, measured: Property) -> Source:
    """A data set with a split of its own; in a local folder it lies as <dataset>/<property>/train.csv and so on."""
    if given := [name for name in ("hold_out", "test_table", "validation_table") if getattr(request, name) is not None]:
        raise UserError(f"dataset={request.dataset} comes with a split of its own: leave out {' and '.join(given)}=.")
    names = [f"{request.dataset}/{request.property}/{Path(member).name}" for member in measured.split_files]
    if folder is not None and all((folder / name).is_file() for name in names):
        parts = [(folder / name, read_file(folder / name)) for name in names]
        where = f"{request.dataset}/{request.property} in {folder}"
    else:
        where = f"{request.dataset} {request.property} from the package {crabnet.REQUIREMENT}"
        try:
            parts = crabnet.fetch_split(request.dataset, request.property, measured)
        except UnavailableError as error:
            why = f"getting it with {crabnet.REQUIREMENT} failed ({error})"
            raise UserError(_ways_out(request, folder, names[0], why)) from error
    (path, content), *others = parts
    columns = Columns(("target", request.property))
    return Source(path, content, where, columns, measured.unit, measured.plausible, measured.floor, split=tuple(others))


def read_file(path: Path) -> bytes:
    """A file's bytes. Raises UserError for a missing file, a folder, or one that may not be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is not there: {_beside(path)}.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder: give the table's file.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give a table that can be.") from None


def _beside(path: Path) -> str:
    """What a mistyped path may have meant."""
    folder = next(parent for parent in [path.parent, *path.parents] if parent.is_dir())
    if folder != path.parent:
        return f"nor is its folder, {folder} is the last that is"
    close = get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=2, cutoff=0.7)
    return f"did you mean {' or '.join(close)}" if close else "check the path"


def _local_folder(request: DataRequest) -> Path | None:
    if request.data_dir is not None:
        folder = Path(request.data_dir).expanduser()
        if not folder.is_dir():
            raise UserError(f"data_dir={request.data_dir} is no folder: name one laid out as <dataset>/<property>.csv.")
        return folder
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        log.warning("%s names %s, which is no folder; going on without it", DATA_VARIABLE, named)
        return None
    return folder


def _property(request: DataRequest, folder: Path | None) -> Property:
    """What is known of the property; a table in the local folder may hold one of which nothing is."""
    known = DATASETS[request.dataset]
    if request.property in known:
        return known[request.property]
    local = sorted(path.stem for path in (folder / request.dataset).glob("*.csv")) if folder is not None else []
    if request.property in local:
        return Property(unit="")
    valid = nearest(request.property, [*known, *(name for name in local if name not in known)])
    raise UserError(f"dataset={request.dataset} has no property={request.property}: {valid}.")


def _look_up(request: DataRequest, folder: Path | None, measured: Property) -> tuple[Path, bytes, str]:
    name = f"{request.dataset}/{request.property}.csv"
    if folder is not None and (folder / name).is_file():
        return folder / name, read_file(folder / name), f"{name} in {folder}"
    shipped = SHIPPED / f"{request.dataset}_{request.property}.parquet"
    if shipped.is_file():
        return shipped, read_file(shipped), f"{request.dataset} {request.property} shipped with branchsearch"
    package, fetch = _download_of(request, measured)
    try:
        path, content = fetch()
    except UnavailableError as error:
        raise UserError(_ways_out(request, folder, name, f"getting it with {package} failed ({error})")) from error
    return path, content, f"{request.dataset} {request.property} from {package}"


def _download_of(request: DataRequest, measured: Property) -> tuple[str, Callable[[], tuple[Path, bytes]]]:
    """Who has a table that is not at hand, for people, and how it is got."""
    if measured.crabnet_files:
        name = request.property
        return f"the package {crabnet.REQUIREMENT}", lambda: crabnet.fetch(request.dataset, name, measured)
    downloads: dict[str, tuple[str, Callable[[], tuple[Path, bytes]]]] = {
        "jarvis": ("the package jarvis-tools", jarvis.fetch),
        "mp": (materials_project.CLIENT, materials_project.fetch),
        "oqmd": (oqmd.SERVICE, oqmd.fetch),
    }
    return downloads[request.dataset]


def _ways_out(request: DataRequest, folder: Path | None, name: str, why: str) -> str:
    looked = f"{folder} has no {name}" if folder is not None else f"no data_dir= nor {DATA_VARIABLE} is given"
    return (
        f"dataset={request.dataset} property={request.property} is not at hand: {looked}, and {why}; "
        f"name a folder that holds {name} with data_dir= or the environment variable {DATA_VARIABLE}, "
        "go online once, or take dataset=mp, which is shipped with branchsearch."
    )

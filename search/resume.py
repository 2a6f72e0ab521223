"""A search taken up again: found in MLflow and its folder, and checked to be the same search."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from search.command import arguments_of, settings_of
from search.config import SearchConfig, TrackingConfig
from search.data import Split
from search.errors import UserError
from search.extent import candidate_limit
from search.history import POINTER_FILE, open_search, pointed_at
from search.journal import Journal
from search.overrides import read_value
from search.parent_run import DATA_TAG, FOLDER_TAG, VERSIONS_TAG, config_of
from search.parsing import parse
from search.readers import STORE
from search.settings import CHANGEABLE, DEFAULT_URI
from search.sqlite_file import SQLITE
from search.versions import versions
from spaces import Space


@dataclass(frozen=True)
class Resumption:
    """A search to go on with: its settings, its parent run, and its folder."""

    before: SearchConfig
    config: SearchConfig
    parent: str
    folder: Path
    status: str
    fingerprint: str
    versions: dict[str, str]

    def check(self, split: Split) -> None:
        """Raises UserError where the data is not what the search began with."""
        if split.fingerprint != self.fingerprint:
            raise UserError(
                f"the data has changed since the search began (fingerprint {self.fingerprint} then, "
                f"{split.fingerprint} now), and its trials would not compare: start a new search; where nothing was "
                "changed, this version reads the table otherwise"
            )

    def is_finished(self, space: Space, journal: Journal) -> bool:
        """Whether there is nothing left to do: no time, or no trials that were not started or could go on."""
        longer = is_longer(self.before, self.config, space)
        budget = self.config.time_budget_seconds
        has_time = budget is None or journal.seconds_spent() < budget
        return self.status in ("FINISHED", "FAILED") and not (has_time and (longer or journal.results()[1]))

    def changed_versions(self) -> list[str]:
        """What runs in another version than before."""
        return [
            f"{name} {self.versions[name]} -> {now}"
            for name, now in versions().items()
            if self.versions.get(name) not in (None, now)
        ]


def find(run: str, given: Sequence[str]) -> Resumption:
    """The search that `resume=run` means, with the settings given beside it.

    Raises UserError where there is none, it cannot be resumed, or a setting would change its results.
    """
    uri = next((read_value(word, STORE) for word in given if word.startswith("tracking.uri=")), DEFAULT_URI)
    run, uri = pointed_at(run, uri)
    past = open_search(run, uri, "resume")
    tags = past.parent.data.tags
    if FOLDER_TAG not in tags:
        raise UserError(f"the search {past.parent.info.run_id} is of a version that could not yet resume")
    folder = Path(tags[FOLDER_TAG])
    if not folder.is_dir():
        raise UserError(f"the folder {folder} of the search is not there (any more), and it cannot go on without")
    before = config_of(tags)
    return Resumption(
        before,
        merged(before, given, uri),
        past.parent.info.run_id,
        folder,
        past.parent.info.status,
        tags[DATA_TAG],
        json.loads(tags.get(VERSIONS_TAG, "{}")),
    )


def merged(before: SearchConfig, given: Sequence[str], uri: str) -> SearchConfig:
    """The settings of a search with others over them. Raises UserError for one that would change its results."""
    words = [word for word in given if not word.startswith("tracking")]  # these have led here
    after = parse(words, arguments_of(before))
    if not any(word.startswith("experiment=") for word in words):
        after = replace(after, experiment=before.experiment)  # by default it has the table's name, which may be another
    if after.dry_run:
        raise UserError("dry_run=true has no meaning beside resume=: leave it out")
    old, new = settings_of(before), settings_of(after)
    for key, value in new.items():
        if value != old[key] and key not in CHANGEABLE:
            raise UserError(
                f"the search began with {key}={old[key]} and cannot go on with {key}={value}: "
                "leave that out to resume, or start a new search"
            )
    name = "sqlite" if uri.startswith(SQLITE) else "server"
    return replace(after, tracking=TrackingConfig(name, uri))


def is_longer(before: SearchConfig, after: SearchConfig, space: Space) -> bool:
    """Whether a search was given more trials or time. Raises UserError where it was given fewer trials."""
    old, new = candidate_limit(before, space), candidate_limit(after, space)
    if new is not None and (old is None or new < old):
        raise UserError(
            f"the search began with trials={before.trials or 'null'} and cannot go on with trials={after.trials}: "
            "it can only be given more"
        )
    old_time, new_time = (config.time_budget_seconds or math.inf for config in (before, after))
    return old != new or new_time > old_time


def command_to_resume(parent: str, uri: str) -> str:
    """What a user types to go on."""
    is_server = uri != DEFAULT_URI and not uri.startswith("sqlite:")
    return command_of("search.run", *(["tracking=server"] if is_server else []), f"resume={parent}", uri)


def command_of(module: str, *words: str) -> str:
    """A command as a user types it; the last word is the store's address, which the default one does without."""
    *arguments, uri = words
    address = [] if uri == DEFAULT_URI else [f"tracking.uri={uri}"]
    return shlex.join(["python", "-m", module, *arguments, *address])


def write_pointer(folder: Path, parent: str, uri: str) -> None:
    """Have the folder know its search."""
    (folder / POINTER_FILE).write_text(json.dumps({"run": parent, "uri": uri}) + "\n")

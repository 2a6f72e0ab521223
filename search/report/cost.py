"""What a search cost, and how to have it again."""

from __future__ import annotations

import time
from collections import Counter

from search.progress import duration
from search.report.evidence import Evidence
from search.report.markup import Html, element, join, paragraph, section
from search.report.tables import facts
from search.report.wording import count, percent
from search.row_parts import on_part
from search.store import children_of

DEVICE_KEYS = ("devices", "device", "resources")
"""Under one of which a search may have logged what it ran on."""


def cost_section(evidence: Evidence) -> Html:
    """Trials, seconds, wall time, devices."""
    everything = [result for result, _ in evidence.search.trials]
    results = [result for result in everything if result.taken_from is None]
    saved = sum(result.seconds for result in everything if result.taken_from is not None)
    total, failed = sum(result.seconds for result in results), sum(r.seconds for r in results if r.failure)
    epochs, wall = sum(result.epochs for result in results), evidence.wall_seconds
    pairs: list[tuple[str, Html | str]] = [
        ("trials", trial_words(evidence)),
        ("candidates", candidate_words(evidence)),
        ("training time, all trials", f"{total:,.0f} s ({duration(total)})"),
        *([("training time that earlier searches had spent", f"{saved:,.0f} s ({duration(saved)})")] if saved else []),
        ("wall time", f"{wall:,.0f} s ({duration(wall)})"),
        ("trials training at a time", f"{total / wall:.1f} on average" if wall > 0 else "–"),
        ("epochs, all trials", f"{epochs:,}"),
        (
            "started",
            time.strftime("%Y-%m-%d %H:%M", time.gmtime(evidence.search.parent.info.start_time / 1000)) + " UTC",
        ),
        ("devices", devices(evidence)),
    ]
    text = f"{percent(failed, total)} of the training time went into failed trials. " if failed else ""
    return section("cost", "What it cost", facts(pairs), paragraph(text, state_words(evidence)))


def trial_words(evidence: Evidence) -> str:
    """How many trials there were and how they ended."""
    info = evidence.search.parent.info
    runs = children_of(evidence.search.client, info.experiment_id, info.run_id)
    names = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "interrupted", "RUNNING": "running"}
    statuses = Counter(names.get(run.info.status, run.info.status.lower()) for run in runs)
    return f"{len(runs):,}: " + ", ".join(f"{number:,} {name}" for name, number in statuses.most_common())


def candidate_words(evidence: Evidence) -> str:
    """How many candidates there were; of those that were tried on part of the rows, how many came to all of them."""
    ranked, largest = len(evidence.standings), evidence.search.config.parts[-1]
    tried = len({on_part(result.candidate, largest) for result, _ in evidence.search.trials})
    return f"{ranked:,}" if tried == ranked else f"{tried:,}, {ranked:,} of them on all rows and so in the ranking"


def devices(evidence: Evidence) -> str:
    """What the search ran on, where it was logged."""
    data = evidence.search.parent.data
    known = [values[key] for values in (data.params, data.tags) for key in DEVICE_KEYS if key in values]
    return known[0] if known else "not recorded"


def state_words(evidence: Evidence) -> str:
    """Where the search did not come to its end, that it did not."""
    status = evidence.search.parent.info.status
    if status == "RUNNING":
        return "The search was still running when this page was made."
    if status == "KILLED":
        return "The search was interrupted: only what was done by then is shown."
    ranked = sum(len(standing.results) for standing in evidence.standings)
    left = len(evidence.search.finals) - ranked
    cut = f", but for {count(left, 'repeat')} that the time budget cut off" if left else ""
    return f"Every trial that ended is in this page: {count(ranked, 'trial')}{cut}."


def origin(evidence: Evidence) -> Html:
    """Which run the page is of, and how to go on from it."""
    run_id, tags = evidence.run_id, evidence.search.parent.data.tags
    version = tags.get("mlflow.source.git.commit", "not recorded")
    return element(
        "footer",
        paragraph(
            join(
                "MLflow run ", element("code", run_id), "; code version ", element("code", version),
                "; data fingerprint ", element("code", evidence.split.fingerprint), ".",
            )
        ),
        paragraph(
            join("Take the winner into use: ", element("code", f"python -m search.register run={run_id}"), ". "
                 "This page again: ", element("code", f"python -m search.report run={run_id}"), ".")
        ),
    )  # fmt: skip

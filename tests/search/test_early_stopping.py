"""What early stopping risks is measured by the trials that nothing has stopped."""

from types import SimpleNamespace
from typing import Any

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.early_stopping import finish
from search.parsing import parse
from search.results import OUT_OF_TIME, TrialResult


def test_trials_that_the_time_budget_cut_off_measure_no_rungs() -> None:
    reasons = ["all epochs"] * 5 + [OUT_OF_TIME]
    results = [
        TrialResult(str(k), Candidate(Architecture(groups=(Group(8 + k, 1),)), FAST), 0, 5, 5, 0.1 + k, 9.0, reason)
        for k, reason in enumerate(reasons)
    ]
    curve = [SimpleNamespace(step=step, value=1 / step) for step in range(1, 61)]
    client = SimpleNamespace(get_metric_history=lambda *_: curve, set_tag=lambda *_: None, log_text=lambda *_: None)
    tracker: Any = SimpleNamespace(config=parse(["space=branching"]), client=client, parent="p", error_name="mae",
                                   children={result.trial_id: result.trial_id for result in results})  # fmt: skip
    assert "5 candidates trained to the end" in finish(results, "eV", tracker)[0]

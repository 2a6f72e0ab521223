"""The report in a real browser: drawn, sorted by a click, and nothing asked of the network."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chromium import browser
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.checkpoint import save_network
from models.network import build
from models.published import BNET, BRNET, ELEMNET
from models.recipe import FAST
from search.data import Split
from search.parsing import parse
from search.report.__main__ import main
from search.results import TrialResult
from search.store import open_store
from search.tracking import Tracker

SECONDS_TO_DRAW = 30


@pytest.fixture
def driver(in_tmp: Path) -> Iterator[webdriver.Chrome]:
    with browser(in_tmp / "profile") as driver:
        yield driver


def record(split: Split, folder: Path) -> None:
    """A search of three networks as MLflow holds it."""
    config = parse(["space=components", "dataset=mp", "rows=2000"])
    tracker = Tracker(config, split, open_store(config.tracking.uri, config.experiment))
    one = TrialResult("a", Candidate(BRNET, FAST), 0, 4, 4, 0.125, 9.0, "all epochs")
    others = [
        replace(one, trial_id="b", candidate=Candidate(BNET, FAST), best_error=0.25, seconds=30.0),
        replace(one, trial_id="c", candidate=Candidate(ELEMNET, FAST), best_error=0.5, seconds=100.0),
    ]
    for result in (one, *others):
        tracker.begin(result.trial_id, result.candidate, 0)
        tracker.log_epochs(
            result.trial_id,
            [
                {"epoch": epoch, "train_error": 0.1, "validation_error": result.best_error * (5 - epoch),
                 "learning_rate": 1e-3, "epoch_seconds": result.seconds / 4, "at": 1.0}
                for epoch in range(1, 5)
            ],
        )  # fmt: skip
        weights = folder / result.trial_id / "network.npz"
        weights.parent.mkdir()
        save_network(weights, build(Architecture(groups=(Group(8, 2),))))
        tracker.end(result, weights)
    tracker.close("FINISHED")


def column(driver: webdriver.Chrome, place: int) -> list[str]:
    cells = driver.find_elements(By.CSS_SELECTOR, f"#ranking-table tbody tr > :nth-child({place})")
    return [cell.text for cell in cells]


def log(driver: webdriver.Chrome, name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = driver.get_log(name)
    return entries


@pytest.mark.system("chromium", "chromedriver")
def test_the_page_draws_sorts_and_needs_no_network(in_tmp: Path, mp_split: Split, driver: webdriver.Chrome) -> None:
    record(mp_split, in_tmp)
    assert main([]) == 0
    driver.get((in_tmp / "report.html").as_uri())
    plots = len(driver.find_elements(By.CSS_SELECTOR, ".plot"))
    drawn = (By.CSS_SELECTOR, ".plot svg.main-svg:first-of-type")
    WebDriverWait(driver, SECONDS_TO_DRAW).until(lambda driver: len(driver.find_elements(*drawn)) >= plots >= 7)

    seconds = driver.find_element(By.XPATH, "//table[@id='ranking-table']//button[text()='training, s']")
    heading = seconds.find_element(By.XPATH, "..")
    assert column(driver, 5) == ["9.0", "30.0", "100.0"]
    for order, expected in (("ascending", ["9.0", "30.0", "100.0"]), ("descending", ["100.0", "30.0", "9.0"])):
        seconds.click()
        assert heading.get_attribute("aria-sort") == order
        assert column(driver, 5) == expected
    assert column(driver, 1) == ["3", "2", "1"]

    wide = driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
    assert log(driver, "browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in log(driver, "performance")]
    urls = [
        message["params"]["request"]["url"] for message in asked if message["method"] == "Network.requestWillBeSent"
    ]
    assert urls
    assert all(url.startswith(("file:", "data:", "blob:", "chrome:")) for url in urls)

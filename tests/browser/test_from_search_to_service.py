"""The whole way of a person: a search, MLflow's page, the report, the registry, and answers over HTTP."""

import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from chromium import browser, errors_on_console
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from services import ask_model, mlflow_ui, model_server

from search import predict, register
from search.report.__main__ import main as report
from search.run import main as search

SECONDS_TO_DRAW = 60
TRIALS = 4
NAMES = ".ag-pinned-left-cols-container [role=row]"
ERRORS = "[role=gridcell][col-id*='best_validation_mae']"
RESIZED = "ResizeObserver loop"
"""Chromium's notice, which is no failure, that MLflow's charts were laid out twice in one frame."""


@pytest.mark.system("chromium", "chromedriver")
def test_a_search_is_seen_chosen_from_and_put_to_use(
    in_tmp: Path, narrow_networks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["space=branching", f"trials={TRIALS}", "dataset=mp", "rows=300", "recipe.epochs=2"]
    assert search([*words, "cpus_per_trial=1", "max_concurrent=1"]) == 0
    printed = capsys.readouterr().out
    link = next(word for word in printed.split() if word.startswith("http://127.0.0.1:5000/#/"))
    assert report(["run=latest"]) == 0
    assert register.main(["run=latest", "name=winner"]) == 0
    log = Path("serve.log")
    with (
        model_server("winner@champion", f"sqlite:///{in_tmp}/mlflow.db", log) as served,
        mlflow_ui() as url,
        browser(in_tmp / "profile") as driver,
    ):
        runs = check_table(driver, link.replace("http://127.0.0.1:5000", url), ranked(printed))
        check_comparison(driver, url, link, runs)
        check_report(driver, in_tmp / "report.html")
        check_answers(served, log)


def check_table(driver: webdriver.Chrome, address: str, ranking: list[tuple[str, float]]) -> list[str]:
    """The trials stand in the printed order, their errors rising; returns their runs."""
    driver.get(address)

    def rows(selector: str) -> list[str]:
        found = driver.find_elements(By.CSS_SELECTOR, selector)
        found.sort(key=lambda cell: cell.location["y"])
        return [cell.text for cell in found]

    WebDriverWait(driver, SECONDS_TO_DRAW).until(lambda _: len(rows(f"{NAMES} a")) == len(rows(ERRORS)) == TRIALS)
    assert rows(f"{NAMES} a") == [name for name, _ in ranking]
    errors = [float(text) for text in rows(ERRORS)]
    assert errors == sorted(errors)
    assert errors == pytest.approx([error for _, error in ranking], abs=1e-3)
    page = driver.find_element(By.TAG_NAME, "body").text
    for column in ("rank", "parameters", "epochs", "branching"):
        assert column in page
    links = driver.find_elements(By.CSS_SELECTOR, f"{NAMES} a")
    driver.save_screenshot("table.png")
    assert errors_on_console(driver) == []
    return [str(link.get_attribute("href")).rpartition("/runs/")[2] for link in links]


def check_comparison(driver: webdriver.Chrome, url: str, link: str, runs: list[str]) -> None:
    """MLflow's parallel coordinates of all trials have what they differ in as axes, chosen by nobody."""
    experiment = link.partition("/experiments/")[2].partition("/")[0]
    driver.get(f"{url}/#/compare-runs?runs={quote(json.dumps(runs))}&experiments={quote(json.dumps([experiment]))}")

    def axes(driver: webdriver.Chrome) -> set[str]:
        return {title.text for title in driver.find_elements(By.CSS_SELECTOR, ".parcoords .axis-title")}

    WebDriverWait(driver, SECONDS_TO_DRAW).until(lambda driver: {"branching", "parameters"} <= axes(driver))
    driver.save_screenshot("comparison.png")
    assert [message for message in errors_on_console(driver) if RESIZED not in message] == []


def check_report(driver: webdriver.Chrome, path: Path) -> None:
    """Every figure is drawn."""
    driver.get(path.as_uri())
    plots = len(driver.find_elements(By.CSS_SELECTOR, ".plot"))
    drawn = (By.CSS_SELECTOR, ".plot svg.main-svg:first-of-type")
    WebDriverWait(driver, SECONDS_TO_DRAW).until(lambda driver: len(driver.find_elements(*drawn)) >= plots >= 7)
    driver.save_screenshot("report.png")
    assert errors_on_console(driver) == []


def check_answers(served: str, log: Path) -> None:
    """What is served is what `search.predict` says."""
    formulas = ["NaCl", "Fe2O3", "PoO"]
    answers = ask_model(served, {"dataframe_records": [{"formula": formula} for formula in formulas]}, log)
    assert predict.main(["model=winner", *formulas, "output=predicted.csv"]) == 0
    expected = pd.read_csv("predicted.csv")
    assert [answer["formula"] for answer in answers] == formulas
    for name in ("value", "lower", "upper", "uncertainty"):
        found = np.array([answer[name] for answer in answers], dtype=np.float64)
        np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-5)
        assert np.isnan(found).tolist() == [False, False, True]
    assert [answer["warning"] for answer in answers] == expected.warning.fillna("").tolist()


def ranked(printed: str) -> list[tuple[str, float]]:
    """Names and errors of the ranking that the command printed: `   1  Top[2,2] skip leaky  0.3 ...`.

    A long name goes on in the lines below its own.
    """
    lines = printed.splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith("rank "))
    rows: list[tuple[str, float]] = []
    for line in lines[first + 1 :]:
        cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
        if not cells:
            break
        if cells[0].isdigit():
            rows.append((cells[1], float(cells[2].split()[0])))
        else:
            rows[-1] = (f"{rows[-1][0]} {cells[0]}", rows[-1][1])
    return rows

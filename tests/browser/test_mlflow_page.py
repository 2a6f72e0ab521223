"""The page a person chooses by: `mlflow ui` in a real browser after a real search."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from search.run import main

CHROMIUM_OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1900,900",
]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def mlflow_ui() -> Iterator[str]:
    """`mlflow ui` as a user starts it, in the folder of the search."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    url = f"http://127.0.0.1:{port}"
    with Path("ui.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            wait_until_it_answers(url)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)


def wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline, Path("ui.log").read_text()
            time.sleep(0.3)
        else:
            return


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for option in [*CHROMIUM_OPTIONS, f"--user-data-dir={profile}"]:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.mark.system("chromium", "chromedriver")
def test_the_link_shows_every_trial_ranked(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["space=branching", "trials=4", "dataset=mp", "rows=300", "recipe.epochs=2"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    link = next(word for word in printed.split() if word.startswith("http://127.0.0.1:5000/#/"))
    ranked = [line.split("  ")[1].strip() for line in ranking_lines(printed)]
    assert len(ranked) == 4
    with mlflow_ui() as url, browser(in_tmp / "profile") as driver:
        driver.get(link.replace("http://127.0.0.1:5000", url))

        def names(driver: webdriver.Chrome) -> list[str]:
            rows = driver.find_elements(By.CSS_SELECTOR, ".ag-pinned-left-cols-container [role=row]")
            rows.sort(key=lambda row: int(row.get_attribute("row-index") or 0))
            return [row.find_element(By.TAG_NAME, "a").text for row in rows]

        WebDriverWait(driver, 60).until(lambda driver: len(names(driver)) == 4)
        assert names(driver) == ranked
        page = driver.find_element(By.TAG_NAME, "body").text
        for column in ("rank", "parameters", "epochs", "branching"):
            assert column in page
        driver.save_screenshot(str(in_tmp / "mlflow.png"))
        severe = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
        # Without its login plug-in MLflow's server does not know this address, which its page asks for all the same.
        assert [message for message in severe if "users/current" not in message] == []


def ranking_lines(printed: str) -> list[str]:
    """The rows of the ranking that the command printed: `   1  Top[2,2] skip leaky  0.3 ...`."""
    lines = printed.splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith("rank "))
    return [line.strip() for line in lines[first + 1 : first + 5]]

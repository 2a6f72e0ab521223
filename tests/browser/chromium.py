"""Debian's Chromium, driven by its chromedriver; neither asks anything of the world outside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1900,900",
)


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser that keeps its console and what it asked of the network: `get_log("browser")`, `("performance")`."""
    options = webdriver.ChromeOptions()
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(executable_path=shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def errors_on_console(driver: webdriver.Chrome) -> list[str]:
    """What the console calls severe since it was last asked."""
    severe = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    # Without its login plug-in MLflow's server does not know this address, which its page asks for all the same.
    return [message for message in severe if "users/current" not in message]

"""A headless Chromium that is logged in to Airflow's UI."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: run `make setup`.")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="There is no Chromium here: install Debian's chromium and chromium-driver.",
)

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion",
)
PATIENCE = 60
"""Seconds until what is waited for must be there."""


CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function rgb(colour, under) {
  canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1);
  canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
function light(channels) {
  const [r, g, b] = channels.map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function surface(element) {
  const own = getComputedStyle(element).backgroundColor;
  return own === "rgba(0, 0, 0, 0)" && element.parentElement ? surface(element.parentElement) : own;
}
const worst = {};
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!text || element.matches("script, title")) continue;
  const stripes = getComputedStyle(element).backgroundImage.match(/rgba?\\([^)]*\\)/g) ?? [];
  for (const behind of [surface(element), ...stripes]) {
    const ground = rgb(behind, "white");
    const ink = rgb(getComputedStyle(element).color, behind);
    const [a, b] = [light(ground), light(ink)].sort((x, y) => y - x);
    const name = element.tagName + "." + element.className;
    worst[name] = Math.min(worst[name] ?? 99, (a + 0.05) / (b + 0.05));
  }
}
return worst;
"""
"""The least contrast of the text of each kind of element to what is behind it."""


class Browser:
    """A headless Chromium, which remembers what it asked for and complained of.

    :param url: where Airflow's UI is.
    """

    def __init__(self, url: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=DRIVER)
        self.url = url
        self.driver = webdriver.Chrome(options=options, service=service)
        self.resize(1366, 900)

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Show pages in a window of that size, in CSS pixels."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def prefer(self, scheme: str) -> None:
        """Prefer ``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, path: str) -> None:
        """Go to a page of the server."""
        self.driver.get(f"{self.url}{path}")

    def await_(self, condition: Callable[[Any], Any]) -> Any:
        """Wait until it holds, and return what it says."""
        return WebDriverWait(self.driver, PATIENCE).until(condition)

    def find(self, selector: str) -> Any:
        """The element, once it is there to see."""

        def shown(driver: Any) -> Any:
            found = driver.find_elements(By.CSS_SELECTOR, selector)
            return found[0] if found and found[0].is_displayed() else False

        return self.await_(shown)

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self) -> Any:
        """The element that has the focus."""
        return self.driver.switch_to.active_element

    def login(self, user: str, password: str) -> None:
        """Log in through Airflow's own form."""
        self.open("/")
        self.find("input[name=username]").send_keys(user)
        self.find("input[name=password]").send_keys(password, Keys.ENTER)
        self.await_(lambda driver: "/login" not in driver.current_url)

    def enter_frame(self) -> None:
        """Into the page that Airflow shows in its frame."""
        self.driver.switch_to.default_content()
        self.driver.switch_to.frame(self.find("iframe"))
        self.find("h1")

    def complaints(self, page: str) -> list[str]:
        """The errors of a page in the console, since it was asked last."""
        said = [line for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]
        return [line["message"] for line in said if page in line["message"]]

    def hosts(self) -> set[str]:
        """Where requests have gone since it was asked last."""
        hosts = set()
        for line in self.driver.get_log("performance"):
            message = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = urlsplit(message["params"]["request"]["url"])
                if url.scheme not in ("data", "blob", "chrome", "about"):
                    hosts.add(url.netloc)
        return hosts


@contextmanager
def logged_in(url: str, user: str, password: str) -> Iterator[Browser]:
    """A browser that is logged in to the UI at that address; it is closed at the end."""
    browser = Browser(url)
    try:
        browser.login(user, password)
        yield browser
    finally:
        browser.driver.quit()

"""The page in a real browser, inside Airflow's own UI: navigation, keyboard, phone, contrast."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.activity_page.test_app import PAGE, PHYSICS
from tests.api_server import PASSWORD, Server
from tests.browser import CONTRAST, Browser, logged_in, needs_chromium

pytestmark = needs_chromium

BEYOND = """
return [...document.querySelectorAll("main *")]
  .filter((e) => !e.closest(".scroller") && e.getBoundingClientRect().right > 360)
  .map((e) => e.outerHTML.slice(0, 99))
"""
BARS = """
const bars = [...document.querySelectorAll("#course ~ .panels .bars")[2].querySelectorAll("g")];
return bars.map((g) => [...g.querySelectorAll("rect")].map((r) => {
  const { fill, stroke } = getComputedStyle(r);
  return [Math.round(r.getBoundingClientRect().height), fill === "none", stroke !== "none"];
}));
"""


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Browser]:
    """A browser that is logged in."""
    with logged_in(server.url, "admin", PASSWORD) as browser:
        yield browser


def test_from_the_navigation_by_keyboard_to_a_learner(browser: Browser) -> None:
    browser.resize(1440, 900)
    browser.prefer("light")
    browser.open("/")
    browser.hosts()
    browser.find('a[href$="plugin/activity"]').send_keys(Keys.ENTER)
    browser.enter_frame()
    assert browser.find("h1").text == "Activity"
    browser.find("summary").send_keys(Keys.ENTER)
    browser.press(Keys.TAB)
    assert browser.focused().get_attribute("aria-label") == "Numbers: active learners"
    browser.press(Keys.TAB, Keys.TAB, Keys.ENTER)
    browser.await_(lambda driver: driver.switch_to.active_element.text == "Copied")
    browser.driver.find_element(By.LINK_TEXT, "Physics").send_keys(Keys.ENTER)
    assert browser.find("#course").text.startswith("Physics, week of ")
    browser.driver.find_element(By.LINK_TEXT, "Week before").send_keys(Keys.ENTER)
    browser.await_(lambda driver: "so far" not in driver.find_element(By.ID, "course").text)
    attempted, correct = browser.driver.execute_script(BARS)[-2]
    assert attempted[0] * 0.65 < correct[0] < attempted[0] * 0.75, "14 of 20"
    assert attempted[1:] == [True, True], "an outline"
    assert correct[1:] == [False, True], "filled"
    browser.driver.find_element(By.LINK_TEXT, "Show them one by one").send_keys(Keys.ENTER)
    assert "ada edX" in browser.find(".learners").text.replace("\n", " ")
    browser.press(Keys.ESCAPE)
    browser.await_(lambda driver: not driver.find_elements(By.CSS_SELECTOR, ".learners"))
    assert browser.complaints(PAGE) == []
    assert browser.hosts() == {urlsplit(browser.url).netloc}


@pytest.mark.parametrize("query", ["", f"?course={PHYSICS}&learners=show"])
def test_it_can_be_read_on_a_phone_in_light_and_dark(browser: Browser, query: str) -> None:
    browser.resize(360, 740, phone=True)
    grounds = set()
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        browser.open(PAGE + query)
        browser.find("summary").click()
        root = "return [document.documentElement.scrollWidth, innerWidth]"
        assert browser.driver.execute_script(root) == [360, 360]
        assert browser.driver.execute_script(BEYOND) == []
        worst = browser.driver.execute_script(CONTRAST)
        assert {name: ratio for name, ratio in worst.items() if ratio < 4.5} == {}
        ground = "return getComputedStyle(document.body).backgroundColor"
        grounds.add(browser.driver.execute_script(ground))
    assert len(grounds) == 2

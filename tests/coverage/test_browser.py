"""The page in a real browser, inside Airflow's own UI: navigation, keyboard, phone, contrast."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from learning_warehouse.steps.links import FRAMED
from tests.api_server import PASSWORD, Server
from tests.browser import CONTRAST, Browser, logged_in, needs_chromium
from tests.coverage.known import HOST, ORG, RUN_ID

pytestmark = needs_chromium

PAGE = "/learning_warehouse/coverage/"


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Browser]:
    """A browser that is logged in."""
    with logged_in(server.url, "admin", PASSWORD) as browser:
        yield browser


def day(before: int) -> str:
    """So many days before yesterday."""
    return str(datetime.now(UTC).date() - timedelta(days=1 + before))


def cell(before: int, table: str = "echo360.videoview") -> str:
    """The selector of a day's cell."""
    return f'[id="{table}@{HOST}@{day(before)}"]'


def label_of(before: int, words: str) -> str:
    """How a day's cell is labelled."""
    return f"videoview of {HOST}, {day(before)}: {words}"


def chosen_is(before: int) -> Callable[[Any], bool]:
    """Whether the page tells of that day."""
    title = f"videoview, {day(before)}"
    return lambda driver: title in driver.find_element(By.TAG_NAME, "main").text


def test_from_the_navigation_by_keyboard_to_the_command_and_the_dag(browser: Browser) -> None:
    browser.resize(1366, 900)
    browser.prefer("light")
    browser.open("/")
    browser.hosts()
    browser.find('a[href$="plugin/coverage"]').send_keys(Keys.ENTER)
    browser.enter_frame()
    assert browser.find("h1").text == "Coverage"

    browser.find('a[href="#loads"]').send_keys(Keys.TAB)
    label = browser.focused().get_attribute("aria-label")
    assert label == f"asset of {HOST}, {day(-1)}: loaded", "today, of the first row"
    browser.driver.execute_script("arguments[0].focus()", browser.find(cell(8)))
    browser.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert browser.focused().get_attribute("aria-label") == label_of(10, "gap")
    browser.press(Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.HOME, Keys.END)
    assert browser.focused().get_attribute("aria-label") == label_of(-1, "nothing")
    browser.press(*[Keys.ARROW_LEFT] * 11, Keys.ENTER)
    browser.await_(chosen_is(10))
    assert browser.focused().get_attribute("id") == "cell"
    command = browser.find("#cell pre.command").text
    assert command.startswith("airflow dags trigger echo360_reports --conf '{")
    assert json.loads(command.split("'")[1]) == {
        "first_day": day(10), "last_day": day(10), "reports": ["videoview"],
    }  # fmt: skip

    browser.press(Keys.ESCAPE)
    browser.await_(lambda driver: not driver.find_elements(By.ID, "cell"))
    assert browser.focused().get_attribute("aria-label") == label_of(10, "gap")

    assert browser.complaints(PAGE) == []
    assert browser.hosts() == {urlsplit(browser.url).netloc}

    browser.press(Keys.ENTER)
    browser.await_(chosen_is(10))
    browser.find("#cell a.leave").send_keys(Keys.ENTER)
    browser.driver.switch_to.default_content()
    browser.await_(lambda driver: urlsplit(driver.current_url).path == "/dags/echo360_reports")


def test_from_a_delivery_to_its_run_and_back(browser: Browser) -> None:
    browser.resize(1366, 900)
    query = f"dataset=vocareum.aws_cost&origin={ORG}&day={day(21)}"
    browser.open(f"/plugin/coverage{PAGE}?{query}")
    browser.enter_frame()
    browser.find(".deliveries a.leave").send_keys(Keys.ENTER)
    browser.driver.switch_to.default_content()
    run = f"/dags/vocareum_lab_analytics/runs/{quote(RUN_ID, safe=':')}/tasks/aws_cost.load"
    browser.await_(lambda driver: unquote(urlsplit(driver.current_url).path) == unquote(run))
    browser.driver.back()
    browser.enter_frame()
    browser.await_(lambda driver: f"aws_cost, {day(21)}" in driver.page_source)


def test_from_a_task_into_the_frame(browser: Browser) -> None:
    browser.resize(1366, 900)
    browser.open(f"/{FRAMED}?delivery=1&delivery=2#ledger")
    browser.enter_frame()
    assert "Line 1 of ops.delivery" in browser.find("#ledger").text
    browser.driver.switch_to.default_content()
    address = urlsplit(browser.driver.current_url)
    assert address.path == f"/plugin/coverage{PAGE}"
    assert (address.query, address.fragment) == ("delivery=1&delivery=2", "ledger")


def test_the_dates_stay_in_sight(browser: Browser) -> None:
    browser.resize(1366, 500)
    browser.open(PAGE)
    browser.find(".map")
    scrolled = """
    const scroller = document.querySelector(".scroller");
    scroller.scrollIntoView();
    scroller.scrollTop = scroller.scrollHeight;
    const date = document.querySelector(".map .days .today").getBoundingClientRect();
    const place = scroller.getBoundingClientRect();
    const top = document.elementFromPoint(date.x + 12, date.y + 8);
    return [scroller.scrollTop, date.top - place.top, Boolean(top.closest(".days"))];
    """
    distance, top, seen = browser.driver.execute_script(scrolled)
    assert distance > 100
    assert 0 <= top < 60
    assert seen


def test_a_command_is_copied(browser: Browser) -> None:
    browser.resize(1366, 900)
    query = f"dataset=echo360.videoview&origin={HOST}&day={day(10)}"
    browser.open(f"/plugin/coverage{PAGE}?{query}")
    browser.enter_frame()
    browser.find("#cell button.copy").click()
    browser.await_(lambda driver: driver.find_element(By.CSS_SELECTOR, "#cell .copy").text)
    browser.await_(
        lambda driver: driver.find_element(By.CSS_SELECTOR, "#cell .copy").text == "Copied"
    )


def test_the_choice_is_a_form(browser: Browser) -> None:
    browser.resize(1366, 900)
    browser.open("/plugin/coverage")
    browser.enter_frame()
    Select(browser.find("select[name=only_dataset]")).select_by_visible_text("videoview")
    Select(browser.find("select[name=days]")).select_by_visible_text("30")
    browser.find(".choice button").send_keys(Keys.ENTER)
    browser.await_(lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".map td a")) == 30)
    browser.find("#gaps summary").send_keys(Keys.ENTER)
    assert "airflow dags trigger echo360_reports" in browser.find("#gaps pre.command").text
    assert browser.complaints(PAGE) == []


def test_a_cell_can_be_bookmarked_in_airflow(browser: Browser) -> None:
    browser.resize(1366, 900)
    query = f"dataset=echo360.videoview&origin={HOST}&day={day(11)}"
    browser.open(f"/plugin/coverage{PAGE}?{query}")
    browser.enter_frame()
    browser.await_(chosen_is(11))


@pytest.mark.parametrize("chosen", [None, 20])
def test_a_phone_scrolls_nothing_sideways_but_the_map(browser: Browser, chosen: int | None) -> None:
    browser.resize(360, 740, phone=True)
    query = f"?dataset=echo360.videoview&origin={HOST}&day={day(chosen)}" if chosen else ""
    browser.open(PAGE + query)
    browser.find(".map")
    root = "return [document.documentElement.scrollWidth, innerWidth]"
    assert browser.driver.execute_script(root) == [360, 360]
    wide = "const s = document.querySelector('.scroller'); return s.scrollWidth > s.clientWidth"
    assert browser.driver.execute_script(wide)
    beyond = """
    return [...document.querySelectorAll("main *")]
      .filter((e) => !e.closest(".scroller") && e.getBoundingClientRect().right > 360)
      .map((e) => e.outerHTML.slice(0, 99))
    """
    assert browser.driver.execute_script(beyond) == []
    place = browser.find(cell(chosen or 0)).rect
    assert min(place["width"], place["height"]) >= 24
    assert 0 <= place["x"] <= 360 - place["width"], "the map opens where one looks"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_light_and_dark(browser: Browser, scheme: str) -> None:
    browser.resize(1366, 900)
    browser.prefer(scheme)
    query = f"dataset=echo360.viewsessions&origin={HOST}&day={day(20)}&rejected=show"
    browser.open(f"{PAGE}?{query}")
    browser.find("#gaps summary").click()
    worst = browser.driver.execute_script(CONTRAST)
    assert len(worst) > 15
    assert {name: ratio for name, ratio in worst.items() if ratio < 4.5} == {}
    dark = browser.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(255, 255, 255)") == (scheme == "light")


def test_each_state_has_a_mark_of_its_own(browser: Browser) -> None:
    browser.open(PAGE)
    marks = [mark.text for mark in browser.driver.find_elements(By.CSS_SELECTOR, ".legend .mark")]
    assert len(marks) == len(set(marks)) == 8
    shown = "return [...new Set([...document.querySelectorAll('.map td a')].map((a) => a.text))]"
    seen = set(browser.driver.execute_script(shown))
    assert seen == {*marks, "•r", "•R", "PR"} - {"r", "R"}
    surfaces = """
    return [...document.querySelectorAll(".legend .mark")].map((mark) => {
      const { backgroundColor, backgroundImage, boxShadow, borderStyle } = getComputedStyle(mark);
      return [backgroundColor, backgroundImage, boxShadow, borderStyle].join();
    })
    """
    assert len(set(browser.driver.execute_script(surfaces))) == 8

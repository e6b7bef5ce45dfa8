"""Every page there is, wide and narrow, light and dark: quiet, within its window, and usable by everybody.

The pages are found by following links from the first one, as a person would, so a new page is judged without
being listed here. One of each shape is opened: the page of an order stands for those of all orders.
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from browsing import AXE_AGAIN, NARROW, WIDE, Visitor
from conftest import Arrive
from playwright.sync_api import Page, expect

# Pages that lead elsewhere, or are no pages.
NOT_PAGES = re.compile(
    r"^/(static|live|metrics|healthz|readyz|sign-out|main)|^/api/v1/(?!docs)|/csv/|format=csv|\.(json|csv)$"
)
# Beside what links lead to: who is not signed in sees these, and an address that does not exist.
STRANGERS = ("/sign-in/", "/sign-in/?next=/bots/")
PAGES_MAX = 150
# The crawl is shared among so many tests, so that they run side by side.
SHARES = 4


def shape(where: str) -> str:
    """The address with what names a thing taken out of it: one order's page is like another's."""
    parts = urlsplit(where)
    if parts.path.startswith("/admin/rows/"):
        # Our tables, all alike: the list of one, a row of one.
        return "/admin/rows/*" + "/*" * (parts.path.count("/") - 4)
    words = ["*" if re.search(r"[\d:A-Z.]", word) else word for word in parts.path.split("/")]
    asked = re.findall(r"(?:^|&)(deed)=([^&]*)", parts.query)
    return "/".join(words) + ("?" + "=".join(asked[0]) if asked else "")


def found(visitor: Visitor) -> list[str]:
    """One address of each shape, breadth first."""
    seen: dict[str, str] = {"/": "/"}
    waiting = ["/"]
    while waiting and len(seen) < PAGES_MAX:
        where = waiting.pop(0)
        answer = visitor.context.request.get(where)
        assert answer.status == 200, f"{where}: {answer.status} {answer.text()[:300]}"
        if "text/html" not in answer.headers.get("content-type", ""):
            # What programs are answered, as the page about REST leads to it.
            del seen[shape(where)]
            continue
        for link in re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', answer.text()):
            to = urlsplit(urljoin(visitor.desk.address + where, unescape(link)))
            if to.netloc != urlsplit(visitor.desk.address).netloc or NOT_PAGES.search(to.path):
                continue
            address = to.path + (f"?{to.query}" if to.query else "")
            if shape(address) not in seen:
                seen[shape(address)] = address
                waiting.append(address)
    assert "/api/v1/docs" in seen.values(), "what a program can ask is found by nobody"
    return sorted(seen.values())


def judged(visitor: Visitor, where: str) -> list[str]:
    """What is wrong with one page, in both widths and both colours."""
    page = visitor.page
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    before = len(visitor.troubles)
    page.goto(where)
    wrong = [f"light: {one}" for one in visitor.axe()] + [f"at 1600: {one}" for one in visitor.overflow()]
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {one}" for one in visitor.axe(AXE_AGAIN)] + [
        f"at 390: {one}" for one in visitor.overflow()
    ]
    page.set_viewport_size({"width": 360, "height": 740})
    wrong += [f"at 360: {one}" for one in visitor.overflow()]
    wrong += visitor.refused() + visitor.troubles[before:]
    del visitor.troubles[before:]
    return [f"{where}: {one}" for one in dict.fromkeys(wrong)]


@pytest.fixture(scope="module")
def pages() -> list[str]:
    """Filled by the first test that looks for them."""
    return []


@pytest.mark.parametrize("share", range(SHARES))
def test_every_page_is_well(arrive: Arrive, pages: list[str], share: int) -> None:
    visitor = arrive()
    pages += found(visitor) if not pages else []
    assert len(pages) > 30, f"the way to most pages is lost: {pages}"
    wrong = [said for where in pages[share::SHARES] for said in judged(visitor, where)]
    assert not wrong, "\n".join(["", *wrong])


def test_pages_for_strangers_and_for_the_lost_are_well(arrive: Arrive) -> None:
    stranger = arrive("")
    wrong = [said for where in STRANGERS for said in judged(stranger, where)]
    owner = arrive()
    owner.expected = {404}
    wrong += judged(owner, "/no/such/page/")
    expect(owner.page.locator("h1")).to_be_visible()
    assert not wrong, "\n".join(["", *wrong])


def test_every_control_is_reached_by_the_keyboard_and_shows_it(arrive: Arrive) -> None:
    """From the top of the page by Tab alone, in the order of the page, each with a ring that is seen."""
    visitor = arrive()
    for where in ("/", "/bots/new/pair/", "/orders/", "/you/"):
        page = visitor.go(where)
        # What moves takes its elements anew; for this walk it stands still.
        page.evaluate("dispatchEvent(new Event('pagehide'))")
        wanted = page.evaluate(_CONTROLS)
        reached: list[str] = []
        for _step in range(len(wanted) + 20):
            page.keyboard.press("Tab")
            told = page.evaluate(_FOCUSED)
            if told is None:
                break
            assert told["ring"], f"{where}: nothing shows that {told['name']} has the focus"
            reached.append(told["name"])
        missed = [name for name in wanted if name not in reached]
        assert not missed, f"{where}: Tab does not reach {missed}"
        assert reached[0] == "To the content"


def test_a_question_is_answered_and_left_by_the_keyboard(arrive: Arrive) -> None:
    visitor = arrive()
    page = visitor.go("/")
    link = page.get_by_role("link", name="Kill switch…")
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    expect(dialog.locator("textarea")).to_be_focused()
    assert not visitor.axe()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#standing .banner.bad")).to_have_count(0)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_who_wants_no_motion_sees_none(arrive: Arrive, motion: str) -> None:
    visitor = arrive(reduced_motion=motion)
    page = visitor.go("/")
    assert moves(page) == (motion != "reduce")


def moves(page: Page) -> bool:
    """Whether a row that arrives lights up, or anything glides."""
    return bool(
        page.evaluate(
            """() => {
              const row = document.createElement("p");
              row.className = "new";
              document.body.append(row);
              const moving = (element) => {
                const style = getComputedStyle(element);
                return (style.animationName !== "none" && parseFloat(style.animationDuration) > 0.01)
                  || style.transitionDuration.split(",").some((time) => parseFloat(time) > 0.01)
                  || style.scrollBehavior === "smooth";
              };
              const found = [document.documentElement, ...document.querySelectorAll("body *")].some(moving);
              row.remove();
              return found;
            }"""
        )
    )


def test_the_colours_follow_the_system_and_the_button(arrive: Arrive) -> None:
    visitor = arrive(color_scheme="dark")
    page = visitor.go("/")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light, "the choice is kept"


_NAME = """(element) => (element.getAttribute("aria-label") || element.name || element.textContent
  || element.id || element.className).trim().replace(/\\s+/g, " ").slice(0, 60)"""
_CONTROLS = f"""() => {{
  const name = {_NAME};
  const all = "a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex='0']";
  return [...document.querySelectorAll(all)]
    .filter((one) => one.checkVisibility({{ visibilityProperty: true }}))
    .filter((one) => !one.disabled && one.tabIndex >= 0)
    .map(name);
}}"""
_FOCUSED = f"""() => {{
  const name = {_NAME};
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const ring = outlined || style.boxShadow !== "none";
  return {{ name: name(one), ring }};
}}"""

"""A person at a browser: Debian's Chromium without a window, each person with a profile of their own.

Whatever a page does wrong by itself is kept in `troubles` and fails the test that opened it: a word on the
console, a script that threw, something the content policy refused, an answer that failed.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import shutil
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from desks import OWNER, PASSWORD, RunningDesk
from playwright.sync_api import Browser, Dialog, Locator, Page, Request, Response, expect, sync_playwright
from playwright.sync_api import ConsoleMessage as Word

# A safety net against waiting for ever, never a measurement: many tests share few cores.
PATIENCE_MS = int(os.environ.get("KEDGE_PATIENCE_MS", "45000"))

WIDE = {"width": 1600, "height": 1000}
NARROW = {"width": 390, "height": 844}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
# Rules of WCAG 2.2, A and AA.
AXE = {
    "resultTypes": ["violations"],
    # It would fetch and parse style sheets itself, which the content policy rightly refuses.
    "preload": False,
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
}
# Those whose answer depends on colours and width: asked again in the dark and on a phone.
AXE_AGAIN = {
    "resultTypes": ["violations"],
    "preload": False,
    "runOnly": {
        "type": "rule",
        "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
    },
}
_WATCH = """
window.__refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__refused.push(`${event.violatedDirective}: ${event.blockedURI || event.sample}`);
});
"""

expect.set_options(timeout=PATIENCE_MS)


def chromium() -> str:
    """Where the browser is; without one the test says so, and fails on a build machine."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    pytest.skip("no browser: install Debian's package chromium (apt-get install chromium)")


@contextlib.contextmanager
def a_browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person's browser at one desk."""

    def __init__(self, browser: Browser, desk: RunningDesk, **manner: Any) -> None:
        self.desk = desk
        # Statuses that this test means to see; any other that failed is a trouble.
        self.expected: set[int] = set()
        # While a test takes the desk away, lines that break are no fault of the page.
        self.away = False
        self.troubles: list[str] = []
        self.context = browser.new_context(
            base_url=desk.address,
            **{
                "viewport": WIDE,
                "color_scheme": "light",
                "locale": "en-GB",
                "accept_downloads": True,
                **manner,
            },
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(_WATCH)
        self.context.on("console", self._on_word)
        self.context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        self.context.on("requestfailed", self._on_failed)
        self.context.on("response", self._on_response)
        self.page = self.context.new_page()
        self.page.on("dialog", self._on_dialog)

    # ── going about ─────────────────────────────────────────────────────────────────────────────

    def go(self, where: str) -> Page:
        self.page.goto(where, wait_until="load")
        return self.page

    def press(self, name: str, within: Page | Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str, within: Page | Locator | None = None) -> None:
        (within or self.page).get_by_role("link", name=name, exact=True).first.click()

    def confirm(self, start: str) -> None:
        """Say yes in the dialog that asks again."""
        dialog = self.page.locator("dialog[open]")
        dialog.locator("button", has_text=start).first.click()
        expect(dialog).to_have_count(0)

    def sees(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def is_live(self) -> None:
        expect(self.page.locator("#line")).to_have_class("line on")

    def sign_in(self, name: str = OWNER, password: str = PASSWORD) -> None:
        self.go("/sign-in/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")
        expect(self.page.locator("header .me")).to_contain_text(name)

    def come_in_first(self, name: str, once: str, password: str = PASSWORD) -> None:
        """Sign in with the one-time password and choose one's own, as the page demands."""
        self.sign_in(name, once)
        self.page.get_by_label("The one-time password").fill(once)
        self.page.get_by_label("New password", exact=False).fill(password)
        self.page.get_by_label("The new one again").fill(password)
        self.press("Change it")
        expect(self.page.locator("#menu")).to_be_attached()

    # ── judging ─────────────────────────────────────────────────────────────────────────────────

    def refused(self) -> list[str]:
        return [f"content policy: {one}" for one in self.page.evaluate("window.__refused || []")]

    def overflow(self) -> list[str]:
        """What makes the page wider than the window, if it is."""
        return list(self.page.evaluate(_OVERFLOW))

    def axe(self, options: dict[str, Any] = AXE) -> list[str]:
        self.still()
        found = Axe().run(self.page, options=options)
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:160]} — {node.get('failureSummary', '')[:240]}"
            for one in found.response["violations"]
            for node in one["nodes"][:3]
        ]

    def still(self) -> None:
        """Let what fades in or out come to its end: a colour on its way is no colour to judge."""
        self.page.evaluate(
            "document.getAnimations().forEach((one) => { try { one.finish(); } catch { one.cancel(); } })"
        )

    def was_well(self) -> None:
        assert not self.troubles, "\n".join(["", *self.troubles])

    def leave(self) -> None:
        self.context.close()

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────

    def _on_word(self, word: Word) -> None:
        if word.type not in ("error", "warning"):
            return
        told_by_status = "Failed to load resource" in word.text
        if self.away or (told_by_status and any(f"status of {one} " in word.text for one in self.expected)):
            return
        self.troubles.append(f"console: {word.text} ({word.location.get('url', '')})")

    def _on_failed(self, request: Request) -> None:
        # Leaving a page ends its stream and what it was still asking for.
        if self.away or request.failure in ("net::ERR_ABORTED", None):
            return
        self.troubles.append(f"{request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected and not self.away:
            self.troubles.append(f"{response.request.method} {response.url}: {response.status}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"the page stopped with a box of its own: {dialog.message}")
        dialog.dismiss()


def code_of(secret: str, at_s: float) -> str:
    """The six digits that a phone would show (RFC 6238)."""
    key = base64.b32decode(secret.replace(" ", "").upper() + "=" * (-len(secret.replace(" ", "")) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(at_s) // 30), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def on_a_build_machine() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


_OVERFLOW = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const inside = (element) => {
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
      if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return true;
    }
    return false;
  };
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > room + 0.5 && !inside(element))
    .slice(0, 5)
    .map((element) => `${element.outerHTML.slice(0, 120)} reaches ${element.getBoundingClientRect().right}`)
    .concat([`the page is ${document.documentElement.scrollWidth} wide in ${room}`]);
}"""

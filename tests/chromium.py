"""A real Chromium for tests: Debian's or the one that CHROMIUM names, else Playwright's own (scripts/browser)."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.async_api import ConsoleMessage, Page, async_playwright

from rollcall.config import read_environment

WIDTHS = (1440, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_PATIENCE_MS = 20_000


@dataclass
class Window:
    """One person's browser window, and what went wrong in it that nobody saw."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def heard(self, message: ConsoleMessage) -> None:
        """Keep what the browser complains of; answers with an error status are for the test to look at."""
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.faults.append(f"{self.page.url}: {message.text}")

    async def fits(self) -> None:
        """Raises AssertionError where the page is wider than a screen, whatever its width and colours."""
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 900})
            for theme in THEMES:
                await self.page.emulate_media(color_scheme=theme)
                wide = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"{self.page.url} is {wide} px too wide for {width} px, {theme}"


@asynccontextmanager
async def window() -> AsyncIterator[Window]:
    """A window of a browser of its own. At its end nothing may have been refused by the pages' own policy."""
    program = read_environment().get("CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            context = await browser.new_context()
            context.set_default_timeout(_PATIENCE_MS)
            opened = Window(await context.new_page())
            opened.page.on("console", opened.heard)
            opened.page.on("pageerror", lambda error: opened.faults.append(str(error)))
            yield opened
            assert opened.faults == []
        finally:
            await browser.close()

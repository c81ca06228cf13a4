"""A browser without scripts: keeps cookies, reads forms out of pages, fills them in and sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.scim_http.asgi import AsgiClient, Reply


@dataclass
class PageForm:
    """A form of a page with the values that stand in it."""

    action: str = ""
    values: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "form":
            self.forms.append(PageForm(known.get("action") or ""))
        elif tag == "input" and self.forms and known.get("name"):
            if known.get("type") == "checkbox" and "checked" not in known:
                return  # a box that nobody ticked is not sent
            self.forms[-1].values[known["name"] or ""] = known.get("value") or ""

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@dataclass
class Browser:
    """One person's browser."""

    client: AsgiClient
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    page: Reply | None = None
    base: str = "https://id.example.com"

    async def get(self, target: str) -> Reply:
        """Follow a link."""
        return await self._send("GET", target)

    async def post(self, target: str, form: Mapping[str, str], **headers: str) -> Reply:
        """Send a form that this test made up."""
        return await self._send("POST", target, urlencode(form).encode(), **headers)

    async def submit(self, action: str | None = None, /, **typed: str) -> Reply:
        """Fill in the form of the page that goes to `action` (by default the first that is not about colours)."""
        form = self.form(action)
        # What browsers send from pages without a referrer.
        return await self.post(form.action, form.values | typed, **{"origin": "null", "sec-fetch-site": "same-origin"})

    def form(self, action: str | None = None) -> PageForm:
        """A form of the page."""
        return next(
            each
            for each in self._read().forms
            if (each.action == action if action is not None else each.action != "/theme")
        )

    @property
    def text(self) -> str:
        """What the page says."""
        return " ".join(" ".join(self._read().text).split())

    def _read(self) -> _Reader:
        assert self.page is not None, "there is a page"
        reader = _Reader()
        reader.feed(self.page.content.decode())
        return reader

    async def _send(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Reply:
        sent = self.headers | headers
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        reply = await self.client(method, target.removeprefix(self.base), body, sent)
        for name, value in self.client.messages[0]["headers"]:
            if name.lower() == b"set-cookie":
                self._keep(value.decode())
        self.page = reply
        return reply

    def _keep(self, line: str) -> None:
        name, _, rest = line.partition("=")
        value, _, attributes = rest.partition(";")
        if "max-age=0" in attributes.lower() or value in ("", '""'):
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

"""Keeps open pages of a workspace going: says when something was said, and when whoever reads may read no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rollcall.workspaces.page_reads import newest_post
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.sso.edges import SESSION

EVERY_SECONDS = 2.0
"""Between two looks: within so much a page goes on, and one whose session ended is closed (5 seconds are allowed)."""
LONGEST_SECONDS = 600.0
"""Then the stream ends and the browser asks for a new one, so that none stays behind for ever."""


class Streams:
    """Server-sent events of workspaces (WHATWG HTML §9.2)."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def open(self, request: Request, visit: Visit) -> Response:
        """`event: news` when there is a newer post, `event: over` when the door has closed."""
        slug = request.path_params["workspace"]
        handle = self._visits.house.cookies.read(request, SESSION) or ""
        return StreamingResponse(self._events(visit, slug, handle), media_type="text/event-stream")

    async def _events(self, visit: Visit, slug: str, handle: str) -> AsyncIterator[str]:
        runtime = self._visits.house.runtime
        began, last = runtime.monotonic(), None
        yield "retry: 3000\n\n"
        while runtime.monotonic() - began < LONGEST_SECONDS:
            newest = await visit.db.read(newest_post, slug, handle, runtime.now())
            if newest is None:
                yield "event: over\ndata: {}\n\n"
                return
            if last is not None and newest != last:
                yield f"event: news\ndata: {newest}\n\n"
            last = newest
            await asyncio.sleep(EVERY_SECONDS)

"""scim2-tester, which nobody here wrote, finds no fault with the server on a real port."""

from __future__ import annotations

import asyncio

from scim2_tester import Status, check_server

from tests.interop.scim2_wire import WireClient
from tests.scim_http.asgi import TOKEN
from tests.scim_http.serving import served_apart

_FAULTS = {Status.ERROR, Status.CRITICAL, Status.DEVIATION}


async def test_the_independent_checker_finds_no_fault() -> None:
    async with served_apart(mount="/scim/v2") as base:
        results = await asyncio.to_thread(check_server, WireClient(f"{base}/scim/v2", TOKEN))

    faults = [f"{each.title} {each.resource_type}: {each.reason}" for each in results if each.status in _FAULTS]
    skipped = [each.title for each in results if each.status is Status.SKIPPED]
    assert faults == []
    assert skipped == []
    assert {each.resource_type for each in results} == {None, "User", "Group"}
    assert len(results) > 80

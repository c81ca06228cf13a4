"""Asks the provider's graph for the groups of a person that did not fit into a token (checks GRP-10 to GRP-12)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from rollcall.outbound import Document, FetchFailed
from rollcall.runtime import Runtime
from rollcall.workspaces.sso.configuration import Client
from rollcall.workspaces.sso.discovery import Metadata
from rollcall.workspaces.sso.exchange import Ask, own_token

BUDGET_SECONDS = 10.0
TRIES = 3
_BUSY = (429, 503)
_PAUSE_SECONDS = 1.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Graph:
    """Where the groups are asked for, and as whom. The address is ours, never one out of a token (check GRP-10)."""

    url: str
    metadata: Metadata
    client: Client
    security_groups_only: bool


async def look_up_groups(ask: Ask, runtime: Runtime, graph: Graph, person: str) -> tuple[str, ...] | None:
    """The object ids of a person's groups; None when they could not be read as a whole. `person`: their object id."""
    try:
        async with asyncio.timeout(BUDGET_SECONDS):
            return await _look_up(ask, runtime, graph, person)
    except (TimeoutError, FetchFailed) as failed:
        _log.warning("group_lookup_failed", reason=getattr(failed, "reason", "too_slow"))
        return None


async def _look_up(ask: Ask, runtime: Runtime, graph: Graph, person: str) -> tuple[str, ...] | None:
    token = await own_token(
        ask, graph.metadata, graph.client, runtime.now(), str(runtime.new_id()), scope=f"{graph.url}/.default"
    )
    if token is None:
        _log.warning("group_lookup_failed", reason="no_token")
        return None
    began = runtime.monotonic()
    for attempt in range(TRIES):
        document = await ask(
            "POST",
            f"{graph.url}/v1.0/users/{person}/getMemberGroups",
            json={"securityEnabledOnly": graph.security_groups_only},
            headers={"authorization": f"Bearer {token}"},
        )
        if document.status not in _BUSY:
            return _groups(document)
        pause = document.retry_after_seconds if document.retry_after_seconds is not None else _PAUSE_SECONDS
        if attempt + 1 == TRIES or runtime.monotonic() - began + pause > BUDGET_SECONDS:
            break
        await runtime.sleep(pause)
    _log.warning("group_lookup_failed", reason="busy", status=document.status)
    return None


def _groups(document: Document) -> tuple[str, ...] | None:
    found = document.body.get("value")
    whole = document.status == 200 and "@odata.nextLink" not in document.body
    if not whole or not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        _log.warning("group_lookup_failed", reason="answer", status=document.status)
        return None
    return tuple(found)

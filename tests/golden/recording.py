"""The engine in front of a server that notes what arrives: requests as they were sent, byte for byte in the address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded
from typing import Any
from uuid import UUID

from aiohttp import web

from rollcall.provisioning.connectors.fake import FakeSource
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.ledger_contract import KeptReference, Position
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.model import (
    Desired,
    JobSettings,
    Json,
    Key,
    Link,
    ObjectMapping,
    ReferenceKey,
    RequestProfile,
    Scope,
    Values,
)
from rollcall.provisioning.planning import Item, plan
from rollcall.provisioning.reference_pass import send_due_references
from rollcall.provisioning.request_profile import PROFILES
from rollcall.provisioning.road import Road
from rollcall.scim_http.client import ScimClient
from tests.scim_http.wires import http_server
from tests.simulation.clock import VirtualRuntime

TOKEN = "<secret token>"
_KEY = {"User": Key("User", "mlind"), "Group": Key("Group", "sales")}
_LIST = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0, "Resources": []}


@dataclass(frozen=True)
class Sent:
    """One request; `path` is what follows the base URL, `query` as it was encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Json


class NamedIds(VirtualRuntime):
    """A clock that gives out these ids, one after the other."""

    def __init__(self, *ids: str) -> None:
        super().__init__(Random(1))
        self._ids = [UUID(each) for each in ids]

    def new_id(self) -> UUID:
        return self._ids.pop(0) if self._ids else super().new_id()


@dataclass
class Recording:
    """One profile's engine; what it sends is noted. `answers` are given by method instead of an empty list or 204."""

    target: ScimTarget
    base: str
    settings: JobSettings
    runtime: VirtualRuntime
    sent: list[Sent] = field(default_factory=list)
    answers: dict[str, Json] = field(default_factory=dict)

    def taken(self) -> list[Sent]:
        """What was sent since this was last asked."""
        taken, self.sent = self.sent, []
        return taken

    async def export(self, kind: str, values: Values, before: Values | None, target_id: str = "") -> None:
        """Plan and send what makes a resource, or brings one that holds `before` to `values`."""
        key = _KEY[kind]
        link = Link(key) if before is None else Link(key, state="linked", target_id=target_id, sent=before)
        wanted = Desired(key, "x", values, {}, (("userName", "x"),), {})
        item = Item(Scope("active", "Assigned."), wanted, link, link, ObjectMapping(kind, ()))
        planned = plan([item], self.settings)
        assert len(planned.operations) == 1, planned
        await Exporter(self.target, self.runtime, 1).export(planned.waves)

    async def delete(self, kind: str, target_id: str) -> None:
        """Plan and send a deletion."""
        link = Link(_KEY[kind], state="linked", target_id=target_id)
        wanted = Desired(_KEY[kind], "x", {}, {}, (), {})
        item = Item(Scope("gone", "Purged."), wanted, link, link, ObjectMapping(kind, ()))
        await Exporter(self.target, self.runtime, 1).export(plan([item], self.settings).waves)

    async def refer(
        self, kind: str, target_id: str, attribute: str, added: Sequence[str] = (), removed: Sequence[str] = ()
    ) -> None:
        """Send references that are due: these are wanted and not there, those are there and not wanted."""
        ledger = MemoryLedger()
        ends = {each: Link(Key("User", each), f"name of {each}", "linked", each) for each in (*added, *removed)}
        source = Link(_KEY[kind], "source", "linked", target_id)
        rows = [
            KeptReference(ReferenceKey(source.key, attribute, Key("User", each)), each in added,
                          "absent" if each in added else "present", due=True)
            for each in (*added, *removed)
        ]  # fmt: skip
        ledger.take_over(Position(), [source, *ends.values()], rows)
        await send_due_references(self._road(ledger))

    def _road(self, ledger: MemoryLedger) -> Road:
        return Road(
            settings=self.settings,
            mappings={},
            source=FakeSource(),
            target=self.target,
            ledger=ledger,
            runtime=self.runtime,
            exporter=Exporter(self.target, self.runtime, 1),
            context=lambda: Context(now=self.runtime.now(), new_guid=str, random=self.runtime.chance()),
            cycle_id="cycle",
        )


@asynccontextmanager
async def recording(profile: RequestProfile, *ids: str) -> AsyncIterator[Recording]:
    """An engine that speaks this profile; `ids` are the random ids it comes up with."""
    sent: list[Sent] = []
    answers: dict[str, Json] = {}

    async def handle(request: web.Request) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        body = await request.json() if request.can_read_body else None
        sent.append(Sent(request.method, path.removeprefix("/scim"), query, dict(request.headers), body))
        if request.method in answers:
            return _scim(answers[request.method])
        if request.method == "POST":
            return _scim({"id": "new"}, 201)
        if request.method == "GET":
            last = path.rpartition("/")[2]
            return _scim(_LIST if last in ("Users", "Groups", "Schemas") else {"id": last})
        return web.Response(status=204)

    runtime = NamedIds(*ids)
    settings = JobSettings(request_profile=profile)
    words = PROFILES[profile]
    async with (
        http_server(handle) as base,
        ScimClient(base, TOKEN, accept=words.accept, blank=words.blank, runtime=runtime) as client,
    ):
        yield Recording(ScimTarget(client, runtime, words), base, settings, runtime, sent, answers)


def _scim(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, content_type="application/scim+json")

"""A SCIM target that is asked but never written to: it notes the requests that would have been sent, word for word."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from rollcall.provisioning.connectors.contract import Outcome
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.model import Json, PatchOperation, UnsentRequest, Values
from rollcall.scim_http.address import Query
from rollcall.scim_http.answer import Answer, Done
from rollcall.scim_http.client import ScimClient


class UnsentClient(ScimClient):
    """Asks the service provider; says yes to whatever would write, and keeps it in `unsent` instead of sending it."""

    unsent: list[UnsentRequest]

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: dict[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Answer:
        if method == "GET":
            return await super().send(method, path, query=query, body=body, if_match=if_match)
        self.unsent.append(UnsentRequest(method, path, body))
        if method == "POST":
            return Done(201, {**(body or {}), "id": f"(new-{len(self.unsent)})"})
        return Done(204)


class UnsentTarget(ScimTarget):
    """Over such a client; values of the attributes in `hidden` show as `[Redact]`."""

    hidden: Collection[str] = ()

    async def create(self, kind: str, values: Values) -> Outcome:
        return await super().create(kind, {path: self._shown(path, value) for path, value in values.items()})

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        shown = [replace(each, value=self._shown(each.path, each.value)) for each in operations]
        return await super().update(kind, target_id, shown)

    def _shown(self, path: str | None, value: Json) -> Json:
        if path is None and isinstance(value, dict):
            return {name: self._shown(name, each) for name, each in value.items()}
        if value is None or path is None:
            return value
        # The whole of an entry, too, when one of its parts is hidden.
        inside = any(hidden == path or hidden.startswith((f"{path}.", f"{path}[")) for hidden in self.hidden)
        return REDACTED if inside else value

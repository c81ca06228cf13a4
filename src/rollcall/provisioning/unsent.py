"""A SCIM target that is asked but never written to: it notes the requests that would have been sent, word for word."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import Found, Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.scim import ENDPOINTS, ScimTarget
from rollcall.provisioning.connectors.whole_resource import changed_resource
from rollcall.provisioning.model import PatchOperation, UnsentRequest, Values
from rollcall.provisioning.redaction import shown_operation, shown_resource, shown_value
from rollcall.provisioning.request_profile import Profile
from rollcall.runtime import Runtime
from rollcall.scim.error import ScimError
from rollcall.scim_http.address import Query, resource_path
from rollcall.scim_http.answer import Answer, Done, Reason
from rollcall.scim_http.answer import Refused as WireRefused
from rollcall.scim_http.client import ScimClient

_KINDS = {endpoint: kind for kind, endpoint in ENDPOINTS.items()}


@dataclass(slots=True)
class _Written:
    """A resource as it would be: `base` as it was made or replaced, None as the provider holds it; then `operations`."""

    base: dict[str, Any] | None = None
    operations: list[PatchOperation] = field(default_factory=list)
    deleted: bool = False


class UnsentClient(ScimClient):
    """Asks the service provider; says yes to whatever would write, and keeps it in `unsent` instead of sending it.

    What was written so is read back as it would be, and of what was made so the provider is asked nothing (`made`:
    its ids). Values of the attributes in `hidden` show as `[Redact]` in a resource that is put back whole.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.unsent: list[UnsentRequest] = []
        self.made: set[str] = set()
        self.hidden: Collection[str] = ()
        self._written: dict[str, _Written] = {}

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
            return await self._read(path, query, if_match)
        self.unsent.append(UnsentRequest(method, self._readable(path), self._without_hidden(method, path, body)))
        if method == "POST":
            made = f"(new-{len(self.unsent)})"
            self.made.add(made)
            self._written[resource_path(path, made)] = _Written({**(body or {}), "id": made})
            return Done(201, {**(body or {}), "id": made})
        written = self._written.setdefault(path, _Written())
        if method == "PUT":
            self._written[path] = _Written(body)
        elif method == "PATCH":
            asked = (body or {}).get("Operations", ())
            written.operations += [PatchOperation(each["op"], each.get("path"), each.get("value")) for each in asked]
        elif method == "DELETE":
            written.deleted = True
        return Done(204)

    async def _read(self, path: str, query: Query | None, if_match: str | None) -> Answer:
        written = self._written.get(path)
        if written is None:
            return await super().send("GET", path, query=query, if_match=if_match)
        if written.deleted:
            return WireRefused(404, Reason.NOT_FOUND)
        answer: Answer = Done(200, written.base)
        if written.base is None:
            answer = await super().send("GET", path, query=query, if_match=if_match)
        if not isinstance(answer, Done) or answer.body is None:
            return answer
        resource = answer.body
        for operation in written.operations:
            resource = _changed(path, resource, operation) or resource
        return replace(answer, body=resource)

    def _readable(self, path: str) -> str:
        """The path with an id that was made up here as it reads, not percent-encoded."""
        endpoint = path.rpartition("/")[0]
        return next((f"{endpoint}/{made}" for made in self.made if resource_path(endpoint, made) == path), path)

    def _without_hidden(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        if method != "PUT" or body is None:
            return body
        return shown_resource(_KINDS[path.rpartition("/")[0]], body, self.hidden)


def _changed(path: str, resource: dict[str, Any], operation: PatchOperation) -> dict[str, Any] | None:
    """The resource after one operation; None where a server would refuse that."""
    try:
        return changed_resource(_KINDS[path.rpartition("/")[0]], resource, [operation])
    except ScimError:
        return None


class UnsentTarget(ScimTarget):
    """Over such a client; values of the attributes in `hidden` show as `[Redact]`."""

    def __init__(self, client: UnsentClient, runtime: Runtime, profile: Profile, known: Capabilities) -> None:
        super().__init__(client, runtime, profile, known)
        self._made = client.made
        self.hidden: Collection[str] = ()

    async def refers(
        self, kind: str, target_id: str, attribute: str, referenced_id: str
    ) -> Found | Refused | Unanswered:
        # References are written after both ends are made, so what was made just now is at no end of one yet.
        if not self._made.isdisjoint((target_id, referenced_id)):
            return Found([], 0)
        return await super().refers(kind, target_id, attribute, referenced_id)

    async def create(self, kind: str, values: Values) -> Outcome:
        return await super().create(
            kind, {path: shown_value(path, value, self.hidden) for path, value in values.items()}
        )

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        return await super().update(kind, target_id, [shown_operation(each, self.hidden) for each in operations])

"""A SCIM target that is asked but never written to: it notes the requests that would have been sent, word for word."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import Found, Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.scim import ENDPOINTS, ScimTarget
from rollcall.provisioning.connectors.whole_resource import changed_resource
from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.model import Json, PatchOperation, UnsentRequest, Values
from rollcall.provisioning.request_profile import Profile
from rollcall.provisioning.target_schema import element_attribute, is_value_path, parsed, read_value
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
        for hidden in self.hidden:
            if read_value(body, hidden) is not None:
                shown = _changed(path, body, PatchOperation("replace", hidden, REDACTED))
                body = shown or _changed(path, body, PatchOperation("remove", hidden)) or {}
        return body


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
        return await super().create(kind, {path: self._shown(path, value) for path, value in values.items()})

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        return await super().update(kind, target_id, [self._shown_operation(each) for each in operations])

    def _shown_operation(self, operation: PatchOperation) -> PatchOperation:
        path, value = operation.path, self._shown(operation.path, operation.value)
        if path is not None and is_value_path(path) and any(_holds(hidden, path) for hidden in self.hidden):
            path = f'{element_attribute(path)}[value eq "{REDACTED}"]'  # the value stands in the path itself
        return replace(operation, path=path, value=value)

    def _shown(self, path: str | None, value: Json) -> Json:
        if path is None and isinstance(value, dict):
            return {name: self._shown(name, each) for name, each in value.items()}
        if value is None or path is None:
            return value
        return REDACTED if any(_overlap(hidden, path) for hidden in self.hidden) else value


def _overlap(hidden: str, path: str) -> bool:
    """Whether what stands at `path` may show something hidden: rather one value too many is masked than one too few."""
    one, other = parsed(hidden).sub_attribute, parsed(path).sub_attribute
    is_part = one is None or other is None or one.casefold() == other.casefold()
    return is_part and element_attribute(hidden).casefold() == element_attribute(path).casefold()


def _holds(hidden: str, path: str) -> bool:
    """Whether the elements that `path` selects are hidden as a whole."""
    return not is_value_path(hidden) and _overlap(hidden, path)

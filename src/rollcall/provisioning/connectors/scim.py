"""A SCIM service provider as a target: the contract's questions as requests, its answers as outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from rollcall.provisioning.connectors import bulk
from rollcall.provisioning.connectors.capabilities import Capabilities, of_config, of_schemas
from rollcall.provisioning.connectors.contract import Done, Found, Many, Outcome, Refused, Unanswered, Verdict
from rollcall.provisioning.connectors.open_attribute import OddResource
from rollcall.provisioning.connectors.scim_answers import (
    asked,
    failure,
    found,
    has_usable_id,
    incompatible,
    outcome,
    queried,
    sent,
    verdict_on,
)
from rollcall.provisioning.connectors.whole_resource import changed_resource, patch_request, version_of
from rollcall.provisioning.model import Json, Operation, PatchOperation, Values
from rollcall.provisioning.request_profile import PROFILES, Profile, Query, reference_query
from rollcall.runtime import Runtime
from rollcall.scim.error import ScimError
from rollcall.scim_http.answer import Answer, Reason
from rollcall.scim_http.answer import Done as WireDone
from rollcall.scim_http.answer import Refused as WireRefused
from rollcall.scim_http.client import ScimClient, resource_path
from rollcall.scim_http.lookup import equal

ENDPOINTS = {"User": "/Users", "Group": "/Groups"}
_NO_PATCH = frozenset({405, 501})
_PUT_ATTEMPTS = 3


class ScimTarget:
    """One SCIM service provider. The client is entered and left by whoever made it.

    `profile`: whose requests it is sent. `capabilities`: what is known of it so far.
    """

    def __init__(
        self,
        client: ScimClient,
        runtime: Runtime,
        profile: Profile = PROFILES["rfc"],
        capabilities: Capabilities | None = None,
    ) -> None:
        self.capabilities = capabilities or Capabilities()
        self._client = client
        self._runtime = runtime
        self._profile = profile

    async def test(self, matching: Mapping[str, str]) -> Verdict:
        """Ask for a user and a group that can't exist: an empty list proves URL, token and filtering (rule C4).

        A target that says it does not filter passes when it can be listed instead.
        """
        listed = False
        for kind, attribute in matching.items():
            answer = await self._asked(kind, attribute, self._nobody())
            if self._profile.lists and _does_not_filter(answer) and await self._can_be_listed(kind):
                listed = True
                continue
            verdict = verdict_on(kind, answer)
            if verdict is not None:
                return verdict
        if listed:
            return Verdict(True, "ok", "The application answers and accepts the secret token. It does not filter, so it is listed.")  # fmt: skip
        return Verdict(True, "ok", "The application answers, accepts the secret token, and finds users and groups.")

    async def _can_be_listed(self, kind: str) -> bool:
        return isinstance(await self.list(kind, 1, 1), Found)

    def _nobody(self) -> UUID:
        return self._runtime.new_id()

    async def find(self, kind: str, attribute: str, value: Json) -> Found | Refused | Unanswered:
        answer = await self._asked(kind, attribute, value)
        if self._profile.lists and _does_not_filter(answer):
            self.capabilities = self.capabilities.known("learnt", filter=False)
        return asked(ENDPOINTS[kind], self._lookup(kind, attribute, value), queried(answer))

    async def _asked(self, kind: str, attribute: str, value: Json) -> Answer:
        return await self._client.send("GET", ENDPOINTS[kind], query=self._lookup(kind, attribute, value))

    def _lookup(self, kind: str, attribute: str, value: Json) -> Query:
        return self._profile.lookup(kind, equal(attribute, str(value)))

    async def refers(
        self, kind: str, target_id: str, attribute: str, referenced_id: str
    ) -> Found | Refused | Unanswered:
        query = reference_query(target_id, attribute, referenced_id)
        return found(await self._client.send("GET", ENDPOINTS[kind], query=query))

    async def list(self, kind: str, start: int, count: int) -> Found | Refused | Unanswered:
        query: Query = {"startIndex": start, "count": count, **self._without_members(kind)}
        return queried(await self._client.send("GET", ENDPOINTS[kind], query=query))

    async def read(self, kind: str, target_id: str) -> Outcome:
        answer = await self._client.send("GET", self._path(kind, target_id), query=self._without_members(kind) or None)
        if isinstance(answer, WireDone) and not has_usable_id(answer.body):
            return sent("GET", self._path(kind, target_id), incompatible("A resource without a usable id came back."))
        return sent("GET", self._path(kind, target_id), outcome(answer))

    def _without_members(self, kind: str) -> Query:
        return self._profile.without_members if kind == "Group" else {}

    async def create(self, kind: str, values: Values) -> Outcome:
        body = self._profile.body(kind, values)
        answer = await self._client.send("POST", ENDPOINTS[kind], body=body)
        if isinstance(answer, WireDone) and not has_usable_id(answer.body):
            nameless = incompatible("The created resource came back without a usable id.")
            return sent("POST", ENDPOINTS[kind], nameless, body)
        return sent("POST", ENDPOINTS[kind], outcome(answer), body)

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        adapts = self._profile.adapts
        if self._profile.whole(kind, operations) or (adapts and not self.capabilities.patch):
            return await self._put(kind, target_id, operations)
        body = patch_request(operations)
        answer = await self._client.send("PATCH", self._path(kind, target_id), body=body)
        if adapts and isinstance(answer, WireRefused) and answer.status in _NO_PATCH:
            replaced = await self._put(kind, target_id, operations)
            if isinstance(replaced, Done):
                self.capabilities = self.capabilities.known("learnt", patch=False)
            return replaced
        return sent("PATCH", self._path(kind, target_id), outcome(answer), body)

    async def _put(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        """Read the resource, members and all, change it, and put it back whole (RFC 7644 §3.5.1).

        Where the target has versions, a change that came in between is not overwritten: the resource is read again.
        """
        answered: Outcome = incompatible("The resource changes faster than it can be replaced.")
        for _ in range(_PUT_ATTEMPTS):
            answer = await self._client.send("GET", self._path(kind, target_id))
            if not isinstance(answer, WireDone):
                return sent("GET", self._path(kind, target_id), failure(answer))
            if not has_usable_id(answer.body) or answer.body is None:
                return incompatible("A resource without a usable id came back.")
            resource = await self._with_members(kind, target_id, answer.body)
            if not isinstance(resource, Mapping):
                return resource
            try:
                body = changed_resource(kind, resource, operations)
            except ScimError as error:
                return Refused("AttributeValidationFailed", error.detail)
            except OddResource as error:
                return incompatible(f"The resource can't be put back whole without loss. {error}")
            version = version_of(answer.body, answer.headers) if self.capabilities.etag else None
            put = await self._client.send("PUT", self._path(kind, target_id), body=body, if_match=version)
            answered = sent("PUT", self._path(kind, target_id), outcome(put), body)
            if not (isinstance(put, WireRefused) and put.reason is Reason.PRECONDITION_FAILED):
                return answered
        return answered

    async def _with_members(
        self, kind: str, target_id: str, resource: Mapping[str, Any]
    ) -> Mapping[str, Any] | Refused | Unanswered:
        """A group that came without members is asked for them by name: put back without, it could lose them."""
        if kind != "Group" or "members" in resource:
            return resource
        answer = await self._client.send("GET", self._path(kind, target_id), query={"attributes": "members"})
        if not isinstance(answer, WireDone):
            return failure(answer)
        if not has_usable_id(answer.body) or answer.body is None:
            return incompatible("The members of the group did not come back.")
        return {**resource, "members": answer.body.get("members")}

    async def delete(self, kind: str, target_id: str) -> Outcome:
        path = self._path(kind, target_id)
        return sent("DELETE", path, outcome(await self._client.send("DELETE", path)))

    def location(self, kind: str, target_id: str) -> str:
        return self._client.location(self._path(kind, target_id))

    def _path(self, kind: str, target_id: str) -> str:
        return resource_path(ENDPOINTS[kind], target_id)

    def parts(self, operations: Sequence[Operation]) -> Sequence[Sequence[Operation]]:
        may_change = self.capabilities.patch
        limits = (self.capabilities.bulk_operations, self.capabilities.bulk_bytes)
        return bulk.parts(operations, self._bulk_item, *limits) if may_change else [[each] for each in operations]

    async def bulk(self, operations: Sequence[Operation]) -> Many | Refused | Unanswered:
        items = [self._bulk_item(operation, number) for number, operation in enumerate(operations, 1)]
        request = bulk.request(items)
        answer = await self._client.send("POST", "/Bulk", body=request)
        if not isinstance(answer, WireDone):
            return replace(failure(answer), request="POST /Bulk", body=request)
        outcomes = bulk.outcomes(operations, items, answer.body or {})
        each_sent = zip(items, outcomes, strict=True)
        return Many(
            [sent(item["method"], f"{item['path']} in /Bulk", outcome, item.get("data")) for item, outcome in each_sent]
        )

    def _bulk_item(self, operation: Operation, number: int) -> dict[str, Any]:
        path = ENDPOINTS[operation.key.kind]
        if operation.target_id is not None and operation.action != "create":
            path = self._path(operation.key.kind, operation.target_id)
        return bulk.item(operation, path, number, self._profile.body)

    async def discover(self, matching: Mapping[str, str]) -> bool:
        """Find out what the target can do: its own documents first, then what a question shows. Writes nothing there.

        What it learnt from refused requests stays, unless the documents say otherwise. False: nothing answered, or not
        to these credentials, so all is as it was.
        """
        before = self.capabilities
        kept = {name: getattr(before, name) for name, origin in before.origins.items() if origin == "learnt"}
        config = await self._client.send("GET", "/ServiceProviderConfig")
        found_out = Capabilities().known("learnt", **kept)
        if isinstance(config, WireDone) and config.body is not None:
            found_out = of_config(found_out, config.body)
        schemas, types = await self._documents("/Schemas"), await self._documents("/ResourceTypes")
        self.capabilities = of_schemas(found_out, schemas, types)
        answered = [await self._probe(kind, attribute) for kind, attribute in matching.items()]
        if not any(answered):
            self.capabilities = before
        return any(answered)

    async def _documents(self, endpoint: str) -> Sequence[Mapping[str, Any]]:
        answer = await self._client.send("GET", endpoint)
        resources = (answer.body or {}).get("Resources") if isinstance(answer, WireDone) else None
        return [each for each in resources if isinstance(each, Mapping)] if isinstance(resources, list) else []

    async def _probe(self, kind: str, attribute: str) -> bool:
        """Ask for nobody, which shows whether filters work, and for a page of one, which shows whether the target lists.

        Whether it answered at all. A target that says it has no filters is believed.
        """
        answer = await self._asked(kind, attribute, self._nobody())
        if _does_not_filter(answer) or isinstance(answer, WireDone):
            hits = found(answer)
            filters = isinstance(hits, Found) and not (hits.total or hits.resources)
            if self.capabilities.filter:
                self.capabilities = self.capabilities.known("probe", filter=filters)
        page = await self.list(kind, 1, 1)
        if isinstance(page, Found):
            self.capabilities = self.capabilities.known("probe", listing=len(page.resources) <= 1)
            if kind == "Group" and page.resources:
                excluded = all("members" not in resource for resource in page.resources)
                self.capabilities = self.capabilities.known("probe", excludes_members=excluded)
        return isinstance(answer, WireDone) or isinstance(page, Found)


def _does_not_filter(answer: Answer) -> bool:
    """Whether the answer to a question says that it can't be asked so."""
    if not isinstance(answer, WireRefused):
        return False
    return answer.reason is Reason.NOT_IMPLEMENTED or answer.scim_type == "invalidFilter"

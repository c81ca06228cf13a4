"""A source and a target in memory: they keep the contract, count requests, and fail on demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import (
    Done,
    Found,
    Many,
    Outcome,
    Refused,
    SourcePage,
    Unanswered,
    Verdict,
)
from rollcall.provisioning.connectors.whole_resource import changed_resource
from rollcall.provisioning.model import (
    Entry,
    Json,
    Key,
    NestedGroups,
    Operation,
    PatchOperation,
    ReferenceKey,
    Tie,
    Values,
)
from rollcall.provisioning.target_schema import build_resource
from rollcall.scim.datatypes import fold
from rollcall.scim.filter import Compare, compile_filter
from rollcall.scim.path import parse_path
from rollcall.scim.schema import ENTERPRISE_USER_SCHEMA, GROUP, USER


class FakeSource:
    """A directory in memory: users, groups, memberships, assignments, and a log of what changed.

    With `nested_groups` flatten or mirror (rule S2) an assigned group stands for everybody inside it; with direct the
    entries themselves say who is assigned.
    """

    def __init__(self, nested_groups: NestedGroups = "direct") -> None:
        self.nested_groups: NestedGroups = nested_groups
        self.entries: dict[Key, Entry] = {}
        self.memberships: set[tuple[str, Key]] = set()
        self.changed: list[Key | ReferenceKey] = []

    def put(self, entry: Entry) -> None:
        """Store an entry as it is now."""
        self.entries[entry.key] = entry
        self.changed.append(entry.key)
        if entry.key.kind == "Group":
            self._note_beneath(entry.key.id, entry.key)

    def purge(self, key: Key) -> None:
        """Remove an entry for good, with its memberships."""
        del self.entries[key]
        for group_id, member in sorted(self.memberships):
            if key in (Key("Group", group_id), member):
                self.leave(group_id, member)
        self.changed.append(key)

    def join(self, group_id: str, member: Key) -> None:
        """Make an object a member of a group."""
        self.memberships.add((group_id, member))
        self.changed.append(_membership(group_id, member))
        self._note_beneath(group_id, member)

    def leave(self, group_id: str, member: Key) -> None:
        """Take an object out of a group."""
        self._note_beneath(group_id, member)
        self.memberships.discard((group_id, member))
        self.changed.append(_membership(group_id, member))

    def _note_beneath(self, group_id: str, member: Key) -> None:
        """Everybody who is in the group through this member, or may be if nobody on the way is deleted."""
        if self.nested_groups == "direct":
            return
        above = _reached(Key("Group", group_id), self._holders)
        for each in sorted(_reached(member, self._direct_members)):
            self.changed.append(each)
            if self.nested_groups == "flatten" and each.kind == "User":
                self.changed.extend(_membership(group.id, each) for group in sorted(above))

    def _holders(self, member: Key) -> list[Key]:
        return [Key("Group", group_id) for group_id, each in self.memberships if each == member]

    def _direct_members(self, group: Key) -> list[Key]:
        return [member for group_id, member in self.memberships if group_id == group.id and group.kind == "Group"]

    def _living(self, groups: Iterable[Key]) -> list[Key]:
        return [group for group in groups if group.kind == "Group" and self._stored(group).state == "present"]

    def _members(self, group_id: str) -> list[Key]:
        group = Key("Group", group_id)
        if self.nested_groups != "flatten":
            return self._direct_members(group)
        groups = _reached(group, lambda each: self._living(self._direct_members(each)))
        people = {member for each in groups for member in self._direct_members(each) if member.kind == "User"}
        return list(people)

    async def changes(self, watermark: dict[str, Any] | None, limit: int) -> SourcePage:
        if watermark is None or "full" in watermark:
            return self._full(watermark or {"full": "", "log": len(self.changed)}, limit)
        position = watermark["log"]
        hints = self.changed[position : position + limit]
        entries, ties = [], []
        for hint in dict.fromkeys(hints):
            if isinstance(hint, Key):
                entries.append(self._entry(hint))
            else:
                ties.append(Tie(hint, hint.referenced in self._members(hint.source.id)))
                entries.append(self._entry(hint.referenced))
        after = position + len(hints)
        return SourcePage(entries, ties, {"log": after}, more=after < len(self.changed), full=False)

    def _full(self, watermark: dict[str, Any], limit: int) -> SourcePage:
        keys = sorted(key for key in self.entries if f"{key.kind} {key.id}" > watermark["full"])
        page = keys[:limit]
        more = len(keys) > limit
        last = f"{page[-1].kind} {page[-1].id}" if page else ""
        following = {"full": last, "log": watermark["log"]} if more else {"log": watermark["log"]}
        entries = [self._entry(key) for key in page]
        return SourcePage(entries, [], following, more=more, full=True, total=len(self.entries))

    async def fetch(self, keys: Sequence[Key]) -> Sequence[Entry]:
        return [self._entry(key) for key in keys]

    async def members(self, group_id: str, after: str | None, limit: int) -> Sequence[Key]:
        members = sorted(self._members(group_id), key=lambda member: member.id)
        return [member for member in members if after is None or member.id > after][:limit]

    def _stored(self, key: Key) -> Entry:
        return self.entries.get(key, Entry(key, "gone"))

    def _entry(self, key: Key) -> Entry:
        entry = self._stored(key)
        if self.nested_groups == "direct" or (self.nested_groups == "flatten" and key.kind == "Group"):
            return entry
        above = _reached(key, lambda each: self._living(self._holders(each))) - {key}
        return replace(entry, assigned=entry.assigned or any(self._stored(group).assigned for group in above))


def _reached(start: Key, following: Callable[[Key], Iterable[Key]]) -> set[Key]:
    """The object itself and all that can be reached from it, round circles too."""
    found, waiting = {start}, [start]
    while waiting:
        new = set(following(waiting.pop())) - found
        found |= new
        waiting.extend(new)
    return found


_RESOURCE_TYPES = {"User": USER, "Group": GROUP}


def _membership(group_id: str, member: Key) -> ReferenceKey:
    return ReferenceKey(Key("Group", group_id), "members", member)


Fault = Callable[[str], Awaitable[Refused | Unanswered | None]]


async def _no_fault(_moment: str) -> Refused | Unanswered | None:
    return None


class FakeTarget:
    """A SCIM application in memory, with unique userName, and members and managers that have to exist.

    It reads the PATCH of every request profile, as real services do. `capabilities` says what it can do: without
    filters a question is refused, without excluded members they are shown. `fault` is asked before and after the effect of each request (moments `before create`,
    `after create`, …) and may answer in the target's place.
    """

    def __init__(self, fault: Fault = _no_fault, capabilities: Capabilities | None = None) -> None:
        self.capabilities = capabilities or Capabilities()
        self.resources: dict[str, dict[str, dict[str, Json]]] = {"User": {}, "Group": {}}
        self.requests: list[tuple[str, str]] = []
        self._fault = fault
        self.made = 0
        """How many resources there have been."""

    def make_by_hand(self, kind: str, values: Values) -> str:
        """An administrator of the target makes a resource there; its id."""
        self.made += 1
        target_id = f"{kind[0].lower()}{self.made}"
        self.resources[kind][target_id] = {**build_resource(kind, values), "id": target_id}
        return target_id

    def change_by_hand(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> None:
        """An administrator of the target changes a resource there. Raises ScimError for what can't be done."""
        self.resources[kind][target_id] = self._changed(kind, target_id, operations)

    def delete_by_hand(self, kind: str, target_id: str) -> None:
        """An administrator of the target deletes a resource there."""
        del self.resources[kind][target_id]
        self._drop_references(target_id)

    async def test(self, matching: Mapping[str, str]) -> Verdict:
        answer = await self.find("User", matching["User"], "nobody")
        if isinstance(answer, Found):
            return Verdict(True, "ok", "The target answers as it should.")
        return Verdict(False, answer.code, answer.reason)

    async def find(self, kind: str, attribute: str, value: Json) -> Found | Refused | Unanswered:
        self.requests.append(("find", kind))
        if fault := await self._fault("before find"):
            return fault
        if not self.capabilities.filter:
            return Refused("NotImplemented", "There are no filters here.", 501)
        selects = compile_filter(Compare(parse_path(attribute), "eq", str(value)), _RESOURCE_TYPES[kind])
        hits = [self._shown(resource) for resource in self.resources[kind].values() if selects(resource)]
        return Found(hits, len(hits))

    async def list(self, kind: str, start: int, count: int) -> Found | Refused | Unanswered:
        self.requests.append(("list", kind))
        if fault := await self._fault("before list"):
            return fault
        rows = [self._shown(resource) for resource in self.resources[kind].values()]
        return Found(rows[start - 1 : start - 1 + count], len(rows))

    async def read(self, kind: str, target_id: str) -> Outcome:
        self.requests.append(("read", kind))
        if fault := await self._fault("before read"):
            return fault
        resource = self.resources[kind].get(target_id)
        return _gone(target_id) if resource is None else Done(self._shown(resource))

    async def create(self, kind: str, values: Values) -> Outcome:
        self.requests.append(("create", kind))
        if fault := await self._fault("before create"):
            return fault
        resource = build_resource(kind, values)
        if self._taken(kind, resource, None):
            return Refused("EntryConflict", "The name is taken.", 409)
        self.made += 1
        resource["id"] = f"{kind[0].lower()}{self.made}"
        self.resources[kind][resource["id"]] = resource
        if fault := await self._fault("after create"):
            return fault
        return Done(self._shown(resource))

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        self.requests.append(("update", kind))
        if fault := await self._fault("before update"):
            return fault
        resource = self.resources[kind].get(target_id)
        if resource is None:
            return _gone(target_id)
        changed = self._changed(kind, target_id, operations)
        if self._taken(kind, changed, target_id):
            return Refused("EntryConflict", "The name is taken.", 409)
        if unknown := [id_ for id_ in _referenced(changed) if not self._exists(id_)]:
            return Refused("AttributeValidationFailed", f"There is no {unknown[0]}.", 400)
        self.resources[kind][target_id] = changed
        if fault := await self._fault("after update"):
            return fault
        return Done(None)

    async def delete(self, kind: str, target_id: str) -> Outcome:
        self.requests.append(("delete", kind))
        if fault := await self._fault("before delete"):
            return fault
        if self.resources[kind].pop(target_id, None) is None:
            return _gone(target_id)
        self._drop_references(target_id)
        if fault := await self._fault("after delete"):
            return fault
        return Done(None)

    async def refers(
        self, kind: str, target_id: str, attribute: str, referenced_id: str
    ) -> Found | Refused | Unanswered:
        self.requests.append(("refers", kind))
        if fault := await self._fault("before find"):
            return fault
        resource = self.resources[kind].get(target_id)
        there = resource is not None and attribute == "manager" and referenced_id in _referenced(resource)
        return Found([{"id": target_id}], 1) if there else Found([], 0)

    def location(self, kind: str, target_id: str) -> str:
        return f"https://target.example/{kind}s/{target_id}"

    def parts(self, operations: Sequence[Operation]) -> Sequence[Sequence[Operation]]:
        most = self.capabilities.bulk_operations
        return [operations[start : start + most] for start in range(0, len(operations), most)]

    async def bulk(self, operations: Sequence[Operation]) -> Many | Refused | Unanswered:
        self.requests.append(("bulk", ""))
        if fault := await self._fault("before bulk"):
            return fault
        outcomes = [await self._one_of_many(operation) for operation in operations]
        if fault := await self._fault("after bulk"):
            return fault
        return Many(outcomes)

    async def _one_of_many(self, operation: Operation) -> Outcome:
        kind, target_id = operation.key.kind, operation.target_id or ""
        if operation.action == "create":
            return await self.create(kind, operation.values)
        if operation.action == "delete":
            return await self.delete(kind, target_id)
        return await self.update(kind, target_id, operation.patch)

    def _changed(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> dict[str, Json]:
        return changed_resource(kind, self.resources[kind][target_id], operations)

    def _drop_references(self, target_id: str) -> None:
        for user in self.resources["User"].values():
            extension = user.get(ENTERPRISE_USER_SCHEMA.id)
            if extension is not None and (extension.get("manager") or {}).get("value") == target_id:
                del extension["manager"]
        for group in self.resources["Group"].values():
            group["members"] = [member for member in group.get("members", []) if member["value"] != target_id]

    def _shown(self, resource: Mapping[str, Json]) -> dict[str, Json]:
        hidden = {"members"} if self.capabilities.excludes_members else set()
        return {name: value for name, value in resource.items() if name not in hidden}

    def _exists(self, target_id: str) -> bool:
        return any(target_id in rows for rows in self.resources.values())

    def _taken(self, kind: str, resource: Mapping[str, Json], own_id: str | None) -> bool:
        name = "userName" if kind == "User" else "displayName"
        wanted = fold(str(resource.get(name)))
        return any(
            other["id"] != own_id and fold(str(other.get(name))) == wanted for other in self.resources[kind].values()
        )


def _referenced(resource: Mapping[str, Json]) -> list[str]:
    manager = (resource.get(ENTERPRISE_USER_SCHEMA.id, {}).get("manager") or {}).get("value")
    members = [member["value"] for member in resource.get("members", [])]
    return members if manager is None else [*members, manager]


def _gone(target_id: str) -> Refused:
    return Refused("InvalidAnchor", f"There is no {target_id}.", 404)

"""A ResourceStore in memory: the fake that passes the contract, for tests, simulations and a first look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from rollcall.runtime import Runtime, SystemRuntime
from rollcall.scim.error import invalid_value, not_found, uniqueness
from rollcall.scim.filter import Compare, Filter, compile_filter, fold
from rollcall.scim.message import Query
from rollcall.scim.patch import Operation, apply
from rollcall.scim.projection import Projection
from rollcall.scim.resource import check
from rollcall.scim.schema import GROUP, USER, Attribute, Resource, ResourceType
from rollcall.scim.version import check_if_match, version_tag
from rollcall.scim_http.sorting import sort_resources
from rollcall.scim_http.store import Page

_SYSTEM = SystemRuntime()


class MemoryStore:
    """The resources of one tenant, gone when the program ends. Operations do not interleave: none of them waits."""

    def __init__(self, resource_types: Sequence[ResourceType] = (USER, GROUP), runtime: Runtime = _SYSTEM) -> None:
        self._runtime = runtime
        self._types = tuple(resource_types)
        self._resources: dict[str, dict[str, Resource]] = {each.name: {} for each in resource_types}
        self._unique: dict[str, dict[str, dict[str, str]]] = {
            each.name: {attribute.name: {} for attribute in _unique_attributes(each)} for each in resource_types
        }
        self._groups_of: dict[str, dict[str, None]] = {}
        self._changes = 0

    async def create(self, resource_type: ResourceType, resource: Resource) -> Resource:
        """See ResourceStore."""
        resource_id = str(self._runtime.new_id())
        now = self._now()
        meta = {"resourceType": resource_type.name, "created": now, "lastModified": now}
        return self._keep(resource_type, resource_id, resource, meta)

    async def read(self, resource_type: ResourceType, resource_id: str, projection: Projection) -> Resource:
        """See ResourceStore."""
        found = self._find(resource_type, resource_id)
        return self._shown(resource_type, found, with_members=not projection.leaves_out("members", resource_type))

    async def replace(
        self, resource_type: ResourceType, resource_id: str, resource: Resource, if_match: str | None
    ) -> Resource:
        """See ResourceStore."""
        before = self._find(resource_type, resource_id)
        check_if_match(if_match, before["meta"]["version"])
        return self._change(resource_type, before, check(resource, resource_type, "replace", before))

    async def patch(
        self,
        resource_type: ResourceType,
        resource_id: str,
        operations: Sequence[Operation],
        if_match: str | None,
        projection: Projection | None,
    ) -> Resource:
        """See ResourceStore."""
        before = self._find(resource_type, resource_id)
        check_if_match(if_match, before["meta"]["version"])
        after = self._change(resource_type, before, apply(before, operations, resource_type))
        return after if projection is not None else {"id": resource_id, "meta": after["meta"]}

    async def delete(self, resource_type: ResourceType, resource_id: str, if_match: str | None) -> None:
        """See ResourceStore."""
        found = self._find(resource_type, resource_id)
        check_if_match(if_match, found["meta"]["version"])
        self._index(resource_type, found, None)
        del self._resources[resource_type.name][resource_id]
        for group_id in list(self._groups_of.get(resource_id, ())):
            group = self._resources[GROUP.name][group_id]
            members = [member for member in group["members"] if member["value"] != resource_id]
            without = {key: value for key, value in group.items() if key != "members"}
            self._change(GROUP, group, {**without, "members": members} if members else without)
        self._groups_of.pop(resource_id, None)

    async def query(self, resource_type: ResourceType, query: Query) -> Page:
        """See ResourceStore."""
        found: Iterable[Resource] = self._candidates(resource_type, query.filter)
        total = len(self._resources[resource_type.name])
        if query.filter is not None:
            predicate = compile_filter(query.filter, resource_type)
            found = [each for each in found if predicate(self._shown(resource_type, each))]
            total = len(found)
        if query.sort_by is not None:
            found = sort_resources(found, resource_type, query.sort_by, descending=query.sort_order == "descending")
        first = query.start_index - 1
        count = total if query.count is None else query.count
        with_members = not query.projection.leaves_out("members", resource_type)
        page = islice(found, first, first + count)
        return Page(total, [self._shown(resource_type, each, with_members=with_members) for each in page])

    def _find(self, resource_type: ResourceType, resource_id: str) -> Resource:
        found = self._resources[resource_type.name].get(resource_id)
        if found is None:
            raise not_found(f"There is no {resource_type.name} with the id {resource_id[:100]}.")
        return found

    def _candidates(self, resource_type: ResourceType, tree: Filter | None) -> Iterable[Resource]:
        """All resources, or the one that a comparison with a unique attribute can find."""
        resources = self._resources[resource_type.name]
        if isinstance(tree, Compare) and tree.op == "eq" and isinstance(tree.value, str):
            attribute = resource_type.attribute(tree.path.attribute)
            plain = tree.path.sub_attribute is None and tree.path.schema is None
            if attribute is not None and plain and attribute.name in self._unique[resource_type.name]:
                holder = self._unique[resource_type.name][attribute.name].get(_key(attribute, tree.value))
                return [] if holder is None else [resources[holder]]
        return resources.values()

    def _change(self, resource_type: ResourceType, before: Resource, after: Resource) -> Resource:
        """Keep `after` in the place of `before`; what did not change keeps its version (RFC 7644 §3.5.2.1)."""
        after = self._settled(resource_type, after)
        if after == before:
            return self._shown(resource_type, before)
        return self._keep(resource_type, before["id"], after, {**before["meta"], "lastModified": self._now()})

    def _keep(self, resource_type: ResourceType, resource_id: str, resource: Resource, meta: Resource) -> Resource:
        resource = self._settled(resource_type, resource)
        before = self._resources[resource_type.name].get(resource_id)
        self._check_unique(resource_type, resource_id, resource)
        self._changes += 1
        kept = {**resource, "id": resource_id, "meta": {**meta, "version": version_tag(self._changes)}}
        self._index(resource_type, before, kept)
        self._resources[resource_type.name][resource_id] = kept
        return self._shown(resource_type, kept)

    def _settled(self, resource_type: ResourceType, resource: Resource) -> Resource:
        """The resource with each member once, of known type, without what is computed when it is read."""
        if resource_type.name != GROUP.name or "members" not in resource:
            return resource
        members = {}
        for member in resource["members"]:
            kind = next((each.name for each in self._types if member["value"] in self._resources[each.name]), None)
            if kind is None:
                raise invalid_value(f"members holds {member['value'][:100]}: there is no such User or Group.")
            members[member["value"]] = {"value": member["value"], "type": kind}
        return {**resource, "members": list(members.values())}

    def _check_unique(self, resource_type: ResourceType, resource_id: str, resource: Resource) -> None:
        for attribute in _unique_attributes(resource_type):
            value = resource.get(attribute.name)
            holder = self._unique[resource_type.name][attribute.name].get(_key(attribute, value)) if value else None
            if holder is not None and holder != resource_id:
                raise uniqueness(f"Another {resource_type.name} has this {attribute.name}.")

    def _index(self, resource_type: ResourceType, before: Resource | None, after: Resource | None) -> None:
        for attribute in _unique_attributes(resource_type):
            holders = self._unique[resource_type.name][attribute.name]
            if before is not None and attribute.name in before:
                del holders[_key(attribute, before[attribute.name])]
            if after is not None and attribute.name in after:
                holders[_key(attribute, after[attribute.name])] = after["id"]
        if resource_type.name == GROUP.name:
            old, new = _members(before), _members(after)
            group_id = (after or before or {})["id"]
            for member in old - new:
                del self._groups_of[member][group_id]
            for member in new - old:
                self._groups_of.setdefault(member, {})[group_id] = None

    def _shown(self, resource_type: ResourceType, resource: Resource, *, with_members: bool = True) -> Resource:
        """The resource with what is computed: a user's groups, and the names of groups and members."""
        if resource_type.name == USER.name and self._groups_of.get(resource["id"]):
            groups = [self._resources[GROUP.name][each] for each in self._groups_of[resource["id"]]]
            shown = [{"value": each["id"], "display": each["displayName"], "type": "direct"} for each in groups]
            return {**resource, "groups": shown}
        if "members" in resource and resource_type.name == GROUP.name:
            if not with_members:
                return {key: value for key, value in resource.items() if key != "members"}
            return {**resource, "members": [self._named(member) for member in resource["members"]]}
        return resource

    def _named(self, member: Resource) -> Resource:
        name = self._resources[member["type"]][member["value"]].get("displayName")
        return member if name is None else {**member, "display": name}

    def _now(self) -> str:
        return self._runtime.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unique_attributes(resource_type: ResourceType) -> list[Attribute]:
    return [each for each in resource_type.schema.attributes if each.uniqueness != "none"]


def _key(attribute: Attribute, value: Any) -> str:
    return str(value) if attribute.case_exact else fold(str(value))


def _members(group: Resource | None) -> set[str]:
    return {member["value"] for member in (group or {}).get("members", ())}

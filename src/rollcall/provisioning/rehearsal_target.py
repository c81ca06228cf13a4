"""The target of a rehearsed cycle: the real one is only asked, and its answers show what the rehearsal wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rollcall.provisioning.connectors.contract import Done, Found, Many, Outcome, Refused, Target, Unanswered, Verdict
from rollcall.provisioning.connectors.open_attribute import OddResource
from rollcall.provisioning.connectors.whole_resource import changed_resource
from rollcall.provisioning.matching import match_form, resembles
from rollcall.provisioning.model import Json, Operation, PatchOperation, Values
from rollcall.provisioning.target_schema import build_resource, is_multi_valued_reference, read_values
from rollcall.scim.error import ScimError

_GONE = 404
Address = tuple[str, str]
"""Kind and id of a resource."""


class RehearsalTarget:
    """A target that answers questions as the real one would after the writes of the rehearsal.

    To everything that writes it says yes without asking. References are not kept: nobody asks for them.
    """

    def __init__(self, real: Target) -> None:
        self._real = real
        self.capabilities = real.capabilities
        self._made: dict[Address, dict[str, Json]] = {}
        self._patched: dict[Address, list[PatchOperation]] = {}
        self._deleted: set[Address] = set()
        self._asked: set[tuple[str, str]] = set()
        self._by_value: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        """Written resources by kind, attribute and value, for the attributes that were asked for."""

    async def test(self, matching: Mapping[str, str]) -> Verdict:
        return await self._real.test(matching)

    async def find(self, kind: str, attribute: str, value: Json) -> Found | Refused | Unanswered:
        answer = await self._real.find(kind, attribute, value)
        if not isinstance(answer, Found):
            return answer
        self._index(kind, attribute)
        rows = {str(row["id"]): row for row in answer.resources}
        kept = [self._changed(kind, row) for row in rows.values() if (kind, str(row["id"])) not in self._deleted]
        kept = [
            row
            for row in kept
            if (kind, str(row["id"])) not in self._patched or resembles(value, read_values(row, attribute))
        ]
        for target_id in sorted(self._by_value[kind, attribute, match_form(value)] - rows.keys()):
            written = await self.read(kind, target_id)
            if isinstance(written, Done) and written.resource is not None:
                shown = read_values(written.resource, attribute)
                kept += [dict(written.resource)] if resembles(value, shown) else []
        return Found(kept, answer.total - len(answer.resources) + len(kept))

    def _index(self, kind: str, attribute: str) -> None:
        """From its first question on, an attribute's written values are kept; before it, they are looked up once."""
        if (kind, attribute) in self._asked:
            return
        self._asked.add((kind, attribute))
        for (each, target_id), resource in self._made.items():
            if each == kind:
                self._note(kind, target_id, attribute, read_values(resource, attribute))
        for (each, target_id), operations in self._patched.items():
            if each == kind:
                self._note(kind, target_id, attribute, _written(operations, attribute))

    def _note(self, kind: str, target_id: str, attribute: str, values: Sequence[Json]) -> None:
        for value in values:
            self._by_value[kind, attribute, match_form(value)].add(target_id)

    def _changed(self, kind: str, row: Mapping[str, Json]) -> dict[str, Json]:
        operations = self._patched.get((kind, str(row["id"])))
        return dict(row) if operations is None else _after(kind, row, operations)

    async def list(self, kind: str, start: int, count: int) -> Found | Refused | Unanswered:
        answer = await self._real.list(kind, start, count)
        if not isinstance(answer, Found):
            return answer
        # What was deleted keeps its place, without anything to be found by, so that the pages fit together.
        rows = [
            {"id": row["id"]} if (kind, str(row["id"])) in self._deleted else self._changed(kind, row)
            for row in answer.resources
        ]
        made = [resource for (each, _), resource in self._made.items() if each == kind]
        if not rows and start > answer.total:
            rows = made[start - answer.total - 1 :][:count]
        return Found(rows, answer.total + len(made))

    async def read(self, kind: str, target_id: str) -> Outcome:
        if (kind, target_id) in self._deleted:
            return Refused("InvalidAnchor", "The resource is gone.", _GONE)
        if (kind, target_id) in self._made:
            return Done(self._made[kind, target_id])
        answer = await self._real.read(kind, target_id)
        if isinstance(answer, Done) and answer.resource is not None:
            return Done(self._changed(kind, answer.resource))
        return answer

    async def create(self, kind: str, values: Values) -> Outcome:
        target_id = f"planned {len(self._made) + 1}"
        resource = {**build_resource(kind, values), "id": target_id}
        self._made[kind, target_id] = resource
        for each, attribute in self._asked:
            if each == kind:
                self._note(kind, target_id, attribute, read_values(resource, attribute))
        return Done(resource)

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        kept = [each for each in operations if each.path is None or not is_multi_valued_reference(each.path)]
        if (kind, target_id) in self._made:
            self._made[kind, target_id] = _after(kind, self._made[kind, target_id], kept)
        elif kept:
            self._patched.setdefault((kind, target_id), []).extend(kept)
        for each, attribute in self._asked:
            if each == kind:
                self._note(kind, target_id, attribute, _written(kept, attribute))
        return Done()

    async def delete(self, kind: str, target_id: str) -> Outcome:
        self._deleted.add((kind, target_id))
        return Done()

    async def refers(
        self, _kind: str, _target_id: str, _attribute: str, _referenced_id: str, /
    ) -> Found | Refused | Unanswered:
        return Found([], 0)

    def location(self, kind: str, target_id: str) -> str:
        return self._real.location(kind, target_id)

    def parts(self, operations: Sequence[Operation]) -> Sequence[Sequence[Operation]]:
        return self._real.parts(operations)

    async def bulk(self, operations: Sequence[Operation]) -> Many | Refused | Unanswered:
        return Many([await self._carry_out(each) for each in operations])

    async def _carry_out(self, operation: Operation) -> Outcome:
        kind = operation.key.kind
        if operation.action == "create":
            return await self.create(kind, operation.values)
        assert operation.target_id is not None, "only a creation has no target id"
        if operation.action == "delete":
            return await self.delete(kind, operation.target_id)
        return await self.update(kind, operation.target_id, operation.patch)


def _after(kind: str, resource: Mapping[str, Json], operations: Sequence[PatchOperation]) -> dict[str, Json]:
    """The resource after the operations; what a server would refuse changes nothing."""
    changed = dict(resource)
    for operation in operations:
        try:
            changed = changed_resource(kind, changed, [operation])
        except (ScimError, OddResource):
            continue
    return changed


def _written(operations: Sequence[PatchOperation], attribute: str) -> list[Json]:
    """The values that the operations give an attribute."""
    values: list[Json] = []
    for operation in operations:
        if operation.path == attribute:
            values.append(operation.value)
        elif operation.path is None and isinstance(operation.value, dict) and attribute in operation.value:
            values.append(operation.value[attribute])
    return [value for value in values if value is not None and not isinstance(value, dict | list)]

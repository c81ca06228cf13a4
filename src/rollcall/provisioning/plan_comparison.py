"""What moved between a plan and the plan of now, in lines for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rollcall.provisioning.model import Json, Key
from rollcall.provisioning.plan_reading import ReadPlan
from rollcall.provisioning.planned import PlannedCycle, PlannedObject

Which = tuple[Key, str]
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Moved:
    """What is not as it was planned: operations that are new, gone or different, and references by their number."""

    new: tuple[PlannedObject, ...]
    different: tuple[PlannedObject, ...]
    gone: frozenset[Which]
    references_new: int
    references_gone: int

    def is_all_gone(self, read: ReadPlan) -> bool:
        """Whether nothing of the plan is to be done any more, and nothing else either."""
        added = self.new or self.different or self.references_new
        return not added and (len(self.gone), self.references_gone) == (len(read.objects), len(read.references))

    @property
    def number(self) -> int:
        """How many things moved."""
        objects = len(self.new) + len(self.different) + len(self.gone)
        return objects + self.references_new + self.references_gone


def compare(read: ReadPlan, now: PlannedCycle, references_now: set[str]) -> Moved:
    """Operation by operation: object, action, target, every change; and every reference."""
    here = {(each.key, each.action) for each in now.objects}
    return Moved(
        new=tuple(each for each in now.objects if (each.key, each.action) not in read.objects),
        different=tuple(
            each
            for each in now.objects
            if (before := read.objects.get((each.key, each.action))) is not None and before != each.digest
        ),
        gone=frozenset(read.objects.keys() - here),
        references_new=len(references_now - read.references),
        references_gone=len(read.references - references_now),
    )


def shown(moved: Moved, document: Callable[[set[Which]], Mapping[Which, Json]]) -> tuple[str, ...]:
    """What moved, a line each, the first 40; `document` gives the planned objects of these keys and actions."""
    asked = {(each.key, each.action) for each in moved.different[:_SHOWN]} | set(sorted(moved.gone)[:_SHOWN])
    before = document(asked)
    lines = [f"new: {each.action} {each.key.kind} {each.name}" for each in moved.new]
    for each in moved.different[:_SHOWN]:
        lines += _changed(each, before.get((each.key, each.action), {}))
    lines += [
        f"not to be done any more: {action} {key.kind} {before.get((key, action), {}).get('name', key.id)}"
        for key, action in sorted(moved.gone)
    ]
    if moved.references_new:
        lines.append(f"new: {moved.references_new:,} references to add or remove")
    if moved.references_gone:
        lines.append(f"not to be done any more: {moved.references_gone:,} references to add or remove")
    rest = len(lines) - _SHOWN
    return tuple(lines) if rest <= 0 else (*lines[:_SHOWN], f"and {rest:,} more")


def _changed(now: PlannedObject, planned: Json) -> list[str]:
    """Each attribute that would be changed otherwise than it was planned."""
    name = f"{now.action} {now.key.kind} {now.name}"
    was = {each["attribute"]: (each["old"], each["new"]) for each in planned.get("changes", ())}
    becomes = {path: (old, new) for path, old, new in now.changes}
    told = [
        f"{name}: {path}: planned {_arrow(was.get(path))}, now {_arrow(becomes.get(path))}"
        for path in dict.fromkeys([*was, *becomes])
        if was.get(path) != becomes.get(path)
    ]
    return told or [f"{name}: a hidden value or the account in the application is another one"]


def _arrow(change: tuple[Json, Json] | None) -> str:
    if change is None:
        return "no change"
    old, new = ("–" if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in change)
    return f"{old} → {new}"

"""A plan as a document: one JSON object in a shape that is kept, signed, and written piece by piece.

`format` and `version` come first; the lists come one element a line, so that a plan of any size is written and read without
being held as a whole. The signature covers every name and value, not the blanks between them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.provisioning.gate import REMOVING, Digest, reference_digest
from rollcall.provisioning.model import Json, Key, LeftOut, ReferenceKey
from rollcall.provisioning.planned import PlannedCycle, PlannedObject

FORMAT = "rollcall-plan"
VERSION = 1
LISTS = ("objects", "references", "withheld", "held", "skips", "left_out")
"""The parts of a document that are lists."""
_ACTIONS = ("create", "update", "disable", "delete")
Sign = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What a plan is a plan of.

    `requests_per_second`: what past cycles of the job achieved; None before the first.
    """

    made_at: datetime
    tenant: UUID
    job_id: UUID
    job_name: str
    left_out: Sequence[LeftOut] = ()
    requests_per_second: float | None = None


def sections(planned: PlannedCycle, head: PlanHead, digest: Digest) -> Iterator[tuple[str, Any]]:
    """The document's parts by name, in their order; those of LISTS as iterators."""
    assert planned.given is not None, "a plan knows when it was made"
    yield "format", FORMAT
    yield "version", VERSION
    yield "made_at", head.made_at.isoformat()
    yield "tenant_id", str(head.tenant)
    yield "job_id", str(head.job_id)
    yield "job_name", head.job_name
    yield "kind", planned.kind
    yield "seed", planned.given.seed
    yield "warnings", warnings(planned, head.left_out)
    yield "totals", totals(planned)
    yield "by_kind", by_kind(planned)
    yield "expected", expected(planned, head.requests_per_second)
    yield "problem", planned.problem
    yield "held_because", planned.held_because
    yield "held_sent_by_restart", planned.held_sent
    yield "objects", (_object(planned, each) for each in planned.objects)
    yield "references", (_references(planned, *each) for each in referring(planned))
    yield "withheld", (_object(planned, each) for each in planned.withheld)
    yield "held", (_object(planned, each) for each in planned.held)
    yield (
        "skips",
        (
            {**_named(planned, each.key), "code": each.code, "reason": each.reason, "failed": each.failed}
            for each in planned.skips
        ),
    )
    yield "left_out", (_left_out(each) for each in head.left_out)
    yield "digest", plan_digest(planned, digest)


def _named(planned: PlannedCycle, key: Key) -> dict[str, str]:
    return {"kind": key.kind, "id": key.id, "name": planned.names.get(key, key.id)}


def _object(planned: PlannedCycle, each: PlannedObject) -> dict[str, Json]:
    changes = [{"attribute": path, "old": old, "new": new} for path, old, new in each.changes]
    return {
        **_named(planned, each.key),
        "action": each.action,
        "target_id": each.target_id,
        "changes": changes,
        "reason": each.reason,
        "digest": each.digest,
    }


def _references(planned: PlannedCycle, key: Key, attribute: str) -> dict[str, Json]:
    return {
        **_named(planned, key),
        "attribute": attribute,
        "added": [_named(planned, other) for other in planned.added.get((key, attribute), ())],
        "removed": [_named(planned, other) for other in planned.removed.get((key, attribute), ())],
    }


def _left_out(each: LeftOut) -> dict[str, Json]:
    return {
        "id": each.key.id,
        "name": each.name,
        "inside_id": each.inside.id,
        "inside": each.inside_name,
        "people": each.people,
        "or_more": each.or_more,
    }


def referring(planned: PlannedCycle) -> list[tuple[Key, str]]:
    """The objects and attributes whose references would change."""
    return list(dict.fromkeys([*planned.added, *planned.removed]))


def totals(planned: PlannedCycle) -> dict[str, int]:
    """How many objects and references the plan comes to."""
    by_action = Counter(each.action for each in planned.objects)
    return {
        **{action: by_action[action] for action in _ACTIONS},
        "references_added": sum(map(len, planned.added.values())),
        "references_removed": sum(map(len, planned.removed.values())),
        "withheld": len(planned.withheld),
        "held": len(planned.held),
        "skipped": sum(not each.failed for each in planned.skips),
        "failed": sum(each.failed for each in planned.skips),
        "in_step": planned.in_step,
    }


def operations_in(planned: PlannedCycle) -> int:
    """How many objects and references the plan would write: what an approval `over` a number counts."""
    references = (*planned.added.values(), *planned.removed.values())
    return len(planned.objects) + sum(map(len, references))


def removes_anything(planned: PlannedCycle) -> bool:
    """Whether the plan disables or deletes somebody, or takes a reference away."""
    return bool(planned.removed) or any(each.action in REMOVING for each in planned.objects)


def by_kind(planned: PlannedCycle) -> dict[str, dict[str, int]]:
    """How many objects of each kind by action."""
    counted = Counter((each.key.kind, each.action) for each in planned.objects)
    kinds = dict.fromkeys(sorted({kind for kind, _ in counted}))
    return {kind: {action: counted[kind, action] for action in _ACTIONS if counted[kind, action]} for kind in kinds}


def expected(planned: PlannedCycle, requests_per_second: float | None) -> dict[str, float | int | None]:
    """Requests and seconds the cycle would take; seconds None before a cycle was measured."""
    seconds = round(planned.requests / requests_per_second, 1) if requests_per_second else None
    rate = round(requests_per_second, 1) if requests_per_second else None
    return {"requests": planned.requests, "seconds": seconds, "requests_per_second": rate}


def warnings(planned: PlannedCycle, left_out: Sequence[LeftOut]) -> list[str]:
    """What somebody should read before anything else, most dangerous first."""
    said = []
    removed = Counter(f"{each.action}d {each.key.kind.lower()}" for each in planned.objects if each.action in REMOVING)
    for what, number in sorted(removed.items()):
        said.append(f"Removal: {_counted(number, what)}.")
    if taken := sum(map(len, planned.removed.values())):
        said.append(f"Removal: {_counted(taken, 'reference')} taken away (memberships and managers).")
    if planned.withheld:
        said.append(f"Held back: {_counted(len(planned.withheld), 'removal')} would be withheld by the job's guards.")
    if planned.held_because:
        said.append(f"The guards' evidence: {planned.held_because}")
    if planned.held:
        evidence = " ".join(dict.fromkeys(each.reason for each in planned.held if each.reason))
        then = f"they wait until somebody allows or rejects them. {evidence}".rstrip(". ")
        said.append(f"Held back since an earlier cycle: {_counted(len(planned.held), 'removal')}; {then}.")
    if left_out:
        said.append(
            f"Nested groups: {_counted(len(left_out), 'group')} inside assigned groups left out (direct members only)."
        )
    if failed := sum(each.failed for each in planned.skips):
        said.append(f"Faults: {_counted(failed, 'object')} could not be provisioned.")
    if planned.problem:
        said.append(f"The plan is not whole: {planned.problem}")
    return said


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def reference_digests(planned: PlannedCycle, digest: Digest) -> set[str]:
    """What stands for every reference the plan adds or removes."""
    return {
        reference_digest(ReferenceKey(source, attribute, other), added=added, digest=digest)
        for references, added in ((planned.added, True), (planned.removed, False))
        for (source, attribute), others in references.items()
        for other in others
    }


def plan_digest(planned: PlannedCycle, digest: Digest) -> str:
    """What stands for all that the plan writes: the same for two plans that do the same."""
    whole = sorted(each.digest for each in planned.objects) + sorted(reference_digests(planned, digest))
    return digest("\n".join(whole).encode())


def canonical(name: str, value: Json) -> bytes:
    """The form in which a part of a document is signed; an element of a list is a part of its own."""
    return json.dumps([name, value], sort_keys=True, separators=(",", ":"), default=str).encode()


def written(parts: Iterable[tuple[str, Any]], sign: Sign, signature: Callable[[], str]) -> Iterator[bytes]:
    """The document in lines of JSON text; `sign` is fed what is signed, `signature` is asked at the end."""
    yield b"{\n"
    for name, value in parts:
        if name not in LISTS:
            sign(canonical(name, value))
            yield f"{_json(name)}: {_json(value)},\n".encode()
            continue
        yield f"{_json(name)}: [".encode()
        before = b"\n"
        for element in value:
            sign(canonical(name, element))
            yield before + _json(element).encode()
            before = b",\n"
        yield b"],\n"
    yield f'"signature": {_json(signature())}\n}}\n'.encode()


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)

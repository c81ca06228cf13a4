"""Reads a plan document from a stream, in whatever way its JSON is laid out, without holding it as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from rollcall.errors import Invalid
from rollcall.provisioning.gate import Digest, reference_digest
from rollcall.provisioning.model import Json, Key, ReferenceKey
from rollcall.provisioning.plan_document import FORMAT, LISTS, VERSION, Sign, canonical
from rollcall.provisioning.planned import Given, PlannedCycle, PlannedObject, PlannedSkip

_CHUNK = 1 << 16
_NOT_A_PLAN = "It is no plan. Make one: rollcall job plan JOB --out plan.json."


class Stream(Protocol):
    """A text that is read piece by piece, and again from its start."""

    def read(self, size: int, /) -> str:
        """At most so many characters; none at the end."""

    def seek(self, offset: int, /) -> int:
        """Go back to the start."""


@dataclass(slots=True)
class ReadPlan:
    """What is needed to carry a plan out: what it is of, and what stands for each of its operations."""

    tenant: UUID
    job_id: UUID
    job_name: str
    given: Given
    digest: str
    problem: str | None
    totals: dict[str, int]
    objects: dict[tuple[Key, str], str] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)


def read_plan(stream: Stream, digest: Digest, sign: Sign, is_signature: Callable[[str], bool]) -> ReadPlan:
    """The plan in a document. Raises Invalid for what is none, is broken off, was changed, or has a version not known here.

    `sign` is fed what is signed, `is_signature` is asked at the end.
    """
    head: dict[str, Any] = {}
    objects: dict[tuple[Key, str], str] = {}
    references: set[str] = set()
    try:
        for name, value in parts(stream):
            if not head and (name, value) != ("format", FORMAT):
                raise Invalid(_NOT_A_PLAN)
            if name == "version" and value != VERSION:
                raise Invalid(
                    f"It is a plan of version {value!r}; this Rollcall reads version {VERSION}. Make a new plan here."
                )
            if name != "signature":
                sign(canonical(name, value))
            if name == "objects":
                objects[Key(value["kind"], value["id"]), value["action"]] = value["digest"]
            elif name == "references":
                references |= _references(value, digest)
            elif name not in LISTS:
                head[name] = value
        signature = str(head["signature"])
        if not is_signature(signature):
            raise Invalid(
                "The plan was changed after it was made, or another installation made it (another sealing key). Only a "
                "plan as this installation wrote it can be applied; make a new one: rollcall job plan JOB --out FILE."
            )
        given = Given(datetime.fromisoformat(head["made_at"]), head["seed"])
        read = ReadPlan(
            UUID(head["tenant_id"]), UUID(head["job_id"]), head["job_name"], given, head["digest"], head["problem"], head["totals"]
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Invalid(f"{_NOT_A_PLAN} It is no JSON, broken off, or of another shape.") from None
    read.objects, read.references = objects, references
    return read


def _references(element: Json, digest: Digest) -> set[str]:
    source = Key(element["kind"], element["id"])
    return {
        reference_digest(
            ReferenceKey(source, element["attribute"], Key(other["kind"], other["id"])), added=added, digest=digest
        )
        for others, added in ((element["added"], True), (element["removed"], False))
        for other in others
    }


def whole(stream: Stream) -> dict[str, Any]:
    """A document that is known to be good, as one value."""
    document: dict[str, Any] = {name: [] for name in LISTS}
    for name, value in parts(stream):
        if name in LISTS:
            document[name].append(value)
        else:
            document[name] = value
    return document


def planned_of(document: dict[str, Any]) -> PlannedCycle:
    """The plan of which that is the document."""
    planned = PlannedCycle(
        document["kind"],
        in_step=document["totals"]["in_step"],
        held_sent=document["held_sent_by_restart"],
        held_because=document.get("held_because", ""),
        problem=document["problem"],
        given=Given(datetime.fromisoformat(document["made_at"]), document["seed"]),
        requests=document["expected"]["requests"],
    )

    def key(each: Json) -> Key:
        found = Key(each["kind"], each["id"])
        planned.names[found] = each["name"]
        return found

    for into, name in ((planned.objects, "objects"), (planned.withheld, "withheld"), (planned.held, "held")):
        for each in document[name]:
            changes = tuple((change["attribute"], change["old"], change["new"]) for change in each["changes"])
            into.append(
                PlannedObject(
                    key(each), each["name"], each["action"], each["target_id"], changes, each["reason"], each["digest"]
                )
            )
    for each in document["skips"]:
        planned.skips.append(PlannedSkip(key(each), each["name"], each["code"], each["reason"], each["failed"]))
    for each in document["references"]:
        for references, others in ((planned.added, each["added"]), (planned.removed, each["removed"])):
            if others:
                references[key(each), each["attribute"]] = [key(other) for other in others]
    return planned


def objects_of(stream: Stream, keys: Collection[tuple[Key, str]]) -> dict[tuple[Key, str], Json]:
    """The document's objects with these keys and actions."""
    found = {}
    for name, value in parts(stream):
        if name == "objects" and (each := (Key(value["kind"], value["id"]), value["action"])) in keys:
            found[each] = value
    return found


def parts(stream: Stream) -> Iterator[tuple[str, Json]]:
    """Names and values of a JSON object in their order; of LISTS each element on its own. Raises ValueError."""
    stream.seek(0)
    reader = _Reader(stream)
    reader.expect("{")
    while True:
        name = reader.value()
        if not isinstance(name, str):
            raise ValueError
        reader.expect(":")
        if name in LISTS:
            yield from ((name, element) for element in reader.elements())
        else:
            yield name, reader.value()
        if reader.either(",", "}") == "}":
            reader.end()
            return


class _Reader:
    """JSON values one after the other, out of a stream that is read as far as they need."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._is_read = False

    def _more(self) -> bool:
        piece = self._stream.read(max(_CHUNK, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + piece, 0
        self._is_read = not piece
        return bool(piece)

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def either(self, *wanted: str) -> str:
        """The next character, which is one of these."""
        found = self._peek()
        if found not in wanted:
            raise ValueError
        self._at += 1
        return found

    def expect(self, wanted: str) -> None:
        """Go past this character."""
        self.either(wanted)

    def value(self) -> Json:
        """The next value, complete: a number may go on in what is not read yet."""
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
                continue
            if end < len(self._text) or not self._more():
                break
        # Reading on keeps what is not taken yet, so the end is counted from there.
        value, end = self._decode(self._text, self._at)
        self._at = end
        return value

    def elements(self) -> Iterator[Json]:
        """The elements of the next list."""
        self.expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if self.either(",", "]") == "]":
                return

    def end(self) -> None:
        """Nothing follows."""
        if self._peek():
            raise ValueError

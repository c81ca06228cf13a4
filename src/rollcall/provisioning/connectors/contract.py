"""What provisioning asks of a source and of a target, and how the outside world may answer.

An answer is one of three values. `Done`: it happened. `Refused`: it surely did not happen.
`Unanswered`: it may or may not have happened; nobody knows until the target is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.model import Entry, Json, Key, Operation, PatchOperation, Tie, Values


@dataclass(frozen=True, slots=True)
class Done:
    """It happened. `resource` is what the target answered with, where it answered with one; `status` the HTTP status.

    `request` is what was sent, as `PATCH /Users/7`, where there was a request over HTTP.
    """

    resource: Mapping[str, Json] | None = None
    status: int | None = None
    request: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """It surely did not happen.

    `code` is one of the error codes of Entra's provisioning log; `status` the HTTP status where there was
    one. `away` says that nothing reached the target at all, `denied` that the credentials were not
    accepted: both concern the whole target, not this object. `body` is what was sent, `answered` the beginning of the
    answer's text.
    """

    code: str
    reason: str
    status: int | None = None
    retry_after_seconds: float | None = None
    away: bool = False
    denied: bool = False
    request: str = field(default="", compare=False)
    body: Json = field(default=None, compare=False, repr=False)
    answered: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It may or may not have happened. `away`: the target seems to be down altogether."""

    code: str
    reason: str
    away: bool = False
    status: int | None = None
    request: str = field(default="", compare=False)
    body: Json = field(default=None, compare=False, repr=False)
    answered: str = field(default="", compare=False, repr=False)


Outcome = Done | Refused | Unanswered


@dataclass(frozen=True, slots=True)
class Many:
    """The outcomes of operations that went out in one request, in their order."""

    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Found:
    """Resources the target holds for a question. `total` counts all hits where only a page came."""

    resources: Sequence[Mapping[str, Json]]
    total: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Test Connection found: a stable code, and a sentence that says what to do next (rule C4)."""

    ok: bool
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SourcePage:
    """A page of a source: entries and ties as they are now, and how far one has read.

    `full`: the page belongs to a reading of everything, so that what never shows up is gone.
    `total` counts the entries a full reading will give, where the source knows.
    """

    entries: Sequence[Entry]
    ties: Sequence[Tie]
    watermark: dict[str, Any]
    more: bool
    full: bool
    total: int | None = None


class Source(Protocol):
    """Where entries come from."""

    async def changes(self, watermark: dict[str, Any] | None, limit: int) -> SourcePage:
        """What changed since `watermark`, or everything when there is none; at most `limit` hints."""

    async def fetch(self, keys: Sequence[Key]) -> Sequence[Entry]:
        """The present state of these objects; one that does not exist comes back as `gone`."""

    async def members(self, group_id: str, after: str | None, limit: int) -> Sequence[Key]:
        """The group's direct members in the order of their ids, those behind `after`."""


class Target(Protocol):
    """Where resources go to. Every call returns a value; none raises for what the target does.

    `capabilities` is what is known of it; what its answers teach is taken in at once.
    """

    capabilities: Capabilities

    async def test(self, matching: Mapping[str, str]) -> Verdict:
        """Whether it can be provisioned; `matching` is a matching attribute of each kind."""

    async def find(self, kind: str, attribute: str, value: Json) -> Found | Refused | Unanswered:
        """The resources whose `attribute` equals `value`, without the members of groups."""

    async def list(self, kind: str, start: int, count: int) -> Found | Refused | Unanswered:
        """A page of all resources of a kind from position `start` (1 is the first), without members."""

    async def read(self, kind: str, target_id: str) -> Outcome:
        """One resource, without members; Refused with status 404 when it is not there."""

    async def create(self, kind: str, values: Values) -> Outcome:
        """Make a resource; Done carries it with its `id`."""

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        """Change a resource."""

    async def delete(self, kind: str, target_id: str) -> Outcome:
        """Remove a resource; Refused with status 404 when it was not there."""

    async def refers(
        self, kind: str, target_id: str, attribute: str, referenced_id: str
    ) -> Found | Refused | Unanswered:
        """The resource itself when its `attribute` refers to the other one already, else nothing (rule R4)."""

    def location(self, kind: str, target_id: str) -> str:
        """The address of a resource."""

    def parts(self, operations: Sequence[Operation]) -> Sequence[Sequence[Operation]]:
        """The operations, divided so that each part fits into one Bulk request; those of one are sent by themselves."""

    async def bulk(self, operations: Sequence[Operation]) -> Many | Refused | Unanswered:
        """Carry out several operations in one request (RFC 7644 §3.7), whichever of them fail."""

"""What a cycle remembers between two moments at which it may die: the bargain every ledger keeps.

Everything a page learned is committed in one go with its watermark; everything a page may cause is
committed before it is caused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from rollcall.provisioning.guards import Objection
from rollcall.provisioning.model import Escrow, Exchange, Key, Link, LogRecord, Reference, ReferenceKey, Staged, Tie

StagedReference = Literal["", "held", "allowed", "rejected"]
Exchanges = Mapping[Key, Exchange | None]
"""By object: its last exchange; None where there is none any more."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """What failed for 28 days and is given up now: the job is disabled with it, and somebody is told (rule E2).

    `notice_id` is a fresh id for the notice; `names` are those of the objects, each with its kind.
    """

    notice_id: str
    at: datetime
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a job has read its source.

    `reading_full`: a reading of everything is under way or has just ended, and what it did not show is
    still to be looked at; `generation` numbers such readings, and `anomaly` says why the last one looks like one of a
    broken source. `unsettled`: there are removals that the guards have yet to count or tell of, or that were allowed;
    it is only read.
    """

    watermark: dict[str, Any] | None = None
    reading_full: bool = False
    generation: int = 0
    anomaly: str = ""
    unsettled: bool = False


@dataclass(frozen=True, slots=True)
class Lot:
    """Removals that a guard held back together, until somebody allows or rejects them (rules P3, P4)."""

    id: str
    cycle_id: str
    at: datetime
    objection: Objection
    number: int = 0


@dataclass(frozen=True, slots=True)
class SingleReference:
    """What a single-valued reference of an object should be now; `referenced` None: nothing."""

    source: Key
    attribute: str
    referenced: Key | None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one page changes, all in one transaction.

    `lost`: nothing of what was exported to or through these objects is believed any more.
    `touched`: the target resource of these objects appeared, changed or went, so references at either
    end are due. `returned`: these were disabled and are not any more; whether the target kept their references
    meanwhile nobody knows, so those at either end that are wanted are sent again. `exchanges`: of what failed, or
    failed before and does so no more. `exhausted`: what is given up. `position` None leaves the position as it was.
    """

    links: Sequence[Link] = ()
    dropped: Sequence[Key] = ()
    lost: Collection[Key] = ()
    touched: Collection[Key] = ()
    returned: Collection[Key] = ()
    ties: Sequence[Tie] = ()
    single_references: Sequence[SingleReference] = ()
    log: Sequence[LogRecord] = ()
    exchanges: Exchanges = field(default_factory=dict)
    exhausted: Exhausted | None = None
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class SharedExchange:
    """The last exchange of references that went in one request; they start at one object, with one attribute."""

    id: str
    exchange: Exchange
    references: tuple[ReferenceKey, ...]


@dataclass(frozen=True, slots=True)
class ReferenceOutcome:
    """What became of references that were sent, waited or needed nothing.

    `present`, `absent`: known now. `failed`: how, and when each is tried again. `idle`: looked at and not due
    until one of their ends changes. `links`: ends that are to be read before they are believed. `exchanges`: of those that
    failed, each with the others of its request; what is kept of the others goes. `exhausted` as in a page's commit.
    """

    present: Sequence[ReferenceKey] = ()
    absent: Sequence[ReferenceKey] = ()
    failed: Mapping[ReferenceKey, Escrow] = field(default_factory=dict)
    idle: Sequence[ReferenceKey] = ()
    links: Sequence[Link] = ()
    log: Sequence[LogRecord] = ()
    exchanges: Sequence[SharedExchange] = ()
    exhausted: Exhausted | None = None


@dataclass(frozen=True, slots=True)
class KeptReference:
    """One reference as a ledger keeps it; `escrow`: how it failed before, and when it is tried again.

    `staged`: how far its removal has come with the guards; what is held or rejected is never due.
    """

    key: ReferenceKey
    wanted: bool
    state: Literal["absent", "present", "uncertain"]
    due: bool
    escrow: Escrow | None = None
    staged: StagedReference = ""


@dataclass(frozen=True, slots=True)
class Among:
    """References that start at one of `sources` or end at one of `referenced`."""

    sources: frozenset[Key]
    referenced: frozenset[Key]

    def holds(self, key: ReferenceKey) -> bool:
        """Whether a reference is one of them."""
        return key.source in self.sources or key.referenced in self.referenced


class Ledger(Protocol):
    """The memory of one job."""

    async def position(self) -> Position:
        """How far the job has read."""

    async def known(self, keys: Collection[Key]) -> dict[Key, Link]:
        """The links of these objects; one without a row is missing."""

    async def owners(self, kind: str, target_ids: Collection[str]) -> dict[str, Key]:
        """Which source object each of these target resources is linked to."""

    async def claims(self, kind: str) -> dict[tuple[str, str], Key]:
        """Which source object may have made a resource with this attribute and value, and does not know yet.

        Values are in the form in which they are compared (matching.match_form).
        """

    async def intend(self, links: Sequence[Link], lost: Collection[Key]) -> None:
        """Remember what may happen, before it does, and which objects have lost their target resource."""

    async def commit(self, commit: Commit) -> None:
        """Remember what happened, all or nothing."""

    async def due(self, now: datetime, after: Key | None, limit: int) -> list[Key]:
        """Objects to try again: uncertain ones and those in escrow whose time has come, by key."""

    async def disabled_before(self, moment: datetime, after: tuple[datetime, Key] | None, limit: int) -> list[Link]:
        """Linked objects disabled before that moment or at it, by that time and key, those behind `after`.

        Objects that are tried again anyway and removals that are held back are left out.
        """

    async def withheld(self, after: Key | None, limit: int) -> list[Key]:
        """Objects whose removal is held back, by key, those behind `after`."""

    async def staged(self, state: Staged, after: Key | None, limit: int) -> list[Key]:
        """Objects whose removal has come so far with the guards, by key; allowed ones without those in escrow."""

    async def count_counting(self) -> int:
        """How many removals are kept back until the cycle's are counted."""

    async def hold_counted(self, lot: Lot) -> None:
        """The removals that were counted are too many: they become this lot, and it is announced, at once."""

    async def lot(self, lot_id: str) -> Lot | None:
        """A lot of removals that was held back."""

    async def note_removals(self, now: datetime, number: int) -> None:
        """So many removals are about to be sent; with a negative number, so many were not carried out after all."""

    async def count_removals(self, since: datetime) -> int:
        """How many removals were sent since the hour of that moment."""

    async def count_removed_references(self, now: datetime, limit: int) -> int:
        """How many members would be taken out of groups now and are not allowed yet, counted up to a limit."""

    async def hold_references(self, lot: Lot, now: datetime) -> dict[Key, int]:
        """Those references become this lot, and it is announced; how many there are of each object.

        They are due no more, and no failures either, until somebody decides.
        """

    async def unseen(self, generation: int, limit: int) -> list[Key]:
        """Objects with a link that the reading of everything with that number did not show."""

    async def count_links(self, generation: int | None = None) -> int:
        """How many objects have a link; with `generation`, only those that its reading did not show."""

    async def groups_with_pending_members(self, limit: int) -> list[Key]:
        """Groups whose whole list of members is still to be compared with the source."""

    async def take_members(self, group: Key, members: Sequence[Key], sweep: int) -> None:
        """Some of the group's members as the source has them now, marked with the number of this pass."""

    async def finish_members(self, group: Key, sweep: int) -> None:
        """The pass over the group's members is complete: those it did not mark are not wanted any more."""

    async def due_references(self, now: datetime, limit: int) -> list[Reference]:
        """References to look at, those of one object and attribute together, single-valued ones complete."""

    async def references_at(self, keys: Collection[Key]) -> Sequence[KeptReference]:
        """All references that start or end at one of these objects."""

    async def intend_references(self, keys: Sequence[ReferenceKey]) -> None:
        """Remember that these references may change in the target, before they do."""

    async def commit_references(self, outcome: ReferenceOutcome) -> None:
        """Remember what became of references, all or nothing."""

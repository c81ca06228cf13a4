"""A ledger in memory: the fake that keeps the same bargain as the one in the database, for tests and the simulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rollcall.provisioning.escrows import as_it_is_kept, is_time_for
from rollcall.provisioning.ledger_contract import (
    Commit,
    Exchanges,
    Exhausted,
    KeptReference,
    Lot,
    Position,
    ReferenceOutcome,
    StagedReference,
)
from rollcall.provisioning.matching import claims_of
from rollcall.provisioning.model import Escrow, Exchange, Key, Link, LogRecord, Reference, ReferenceKey, Staged
from rollcall.provisioning.target_schema import is_multi_valued_reference


@dataclass(slots=True)
class _Row:
    wanted: bool
    state: str = "absent"
    due: bool = True
    sweep: int = 0
    escrow: Escrow | None = None
    staged: StagedReference = ""
    staging: str | None = None

    def is_due_now(self, now: datetime) -> bool:
        """Whether it is sent now."""
        waits = self.staged in ("held", "rejected") or (self.escrow is not None and not is_time_for(self.escrow, now))
        return self.due and not waits

    def make_due(self) -> None:
        """To be looked at in any case, whatever came of it before."""
        self.due = True
        if self.escrow is not None:
            self.escrow = replace(self.escrow, next_attempt=self.escrow.first_failed, given_up=False)


class MemoryLedger:
    """The memory of one job, gone with the process."""

    def __init__(self) -> None:
        self.links: dict[Key, Link] = {}
        self.references: dict[ReferenceKey, _Row] = {}
        self.log: list[LogRecord] = []
        self.exchanges: dict[Key, Exchange] = {}
        self.reference_exchanges: dict[ReferenceKey, Exchange] = {}
        self.exhausted: list[Exhausted] = []
        self._position = Position()
        self.lots: list[Lot] = []
        self._removals: list[tuple[datetime, int]] = []
        self._by_end: dict[Key, set[ReferenceKey]] = {}

    async def position(self) -> Position:
        open_still = any(link.staged in ("counting", "judged", "allowed") for link in self.links.values())
        return replace(self._position, unsettled=open_still)

    async def known(self, keys: Collection[Key]) -> dict[Key, Link]:
        return {key: self.links[key] for key in keys if key in self.links}

    async def owners(self, kind: str, target_ids: Collection[str]) -> dict[str, Key]:
        return {
            link.target_id: key
            for key, link in self.links.items()
            if key.kind == kind and link.target_id is not None and link.target_id in target_ids
        }

    async def claims(self, kind: str) -> dict[tuple[str, str], Key]:
        return claims_of(
            link
            for key, link in self.links.items()
            if key.kind == kind and link.state == "uncertain" and link.target_id is None
        )

    def _save(self, link: Link) -> None:
        kept = self.links.get(link.key)
        escrow = as_it_is_kept(None if kept is None else kept.escrow, link.escrow)
        if kept is not None and _is_decided(kept, link):
            link = replace(link, withheld=False, staged=kept.staged, staging=kept.staging)
        self.links[link.key] = replace(link, escrow=escrow)

    async def intend(self, links: Sequence[Link], lost: Collection[Key]) -> None:
        for link in links:
            self._save(link)
        self._forget(lost)

    async def commit(self, commit: Commit) -> None:
        for link in commit.links:
            self._save(link)
        for key in commit.dropped:
            self.links.pop(key, None)
        self._forget(commit.lost)
        for tie in {tie.key: tie for tie in commit.ties}.values():
            if tie.key.source in self.links:
                self._want(tie.key, tie.present)
        for single in commit.single_references:
            self._want_single(single.source, single.attribute, single.referenced)
        self._make_due(commit.touched)
        self._doubt(commit.returned)
        for key in commit.dropped:
            self._drop_references(key)
        self.log.extend(commit.log)
        self._keep_exchanges(commit.exchanges, commit.exhausted)
        if commit.position is not None:
            self._position = commit.position

    async def due(self, now: datetime, after: Key | None, limit: int) -> list[Key]:
        keys = sorted(
            key
            for key, link in self.links.items()
            if (after is None or key > after) and not link.withheld and _is_due(link, now)
        )
        return keys[:limit]

    async def disabled_before(self, moment: datetime, after: tuple[datetime, Key] | None, limit: int) -> list[Link]:
        found = sorted(
            (link.disabled_at, link.key)
            for link in self.links.values()
            if link.disabled_at is not None and link.disabled_at <= moment and _is_at_rest(link)
        )
        return [self.links[key] for at, key in found if after is None or (at, key) > after][:limit]

    async def withheld(self, after: Key | None, limit: int) -> list[Key]:
        return sorted(key for key, link in self.links.items() if link.withheld and (after is None or key > after))[
            :limit
        ]

    async def staged(self, state: Staged, after: Key | None, limit: int) -> list[Key]:
        return sorted(
            key
            for key, link in self.links.items()
            if link.staged == state and (after is None or key > after) and (state != "allowed" or link.escrow is None)
        )[:limit]

    async def count_counting(self) -> int:
        return sum(link.staged == "counting" for link in self.links.values())

    async def hold_counted(self, lot: Lot) -> None:
        counted = [link for link in self.links.values() if link.staged == "counting"]
        for link in counted:
            self.links[link.key] = replace(link, staged="judged", staging=lot.id)
        self.lots.append(replace(lot, number=len(counted)))

    async def lot(self, lot_id: str) -> Lot | None:
        return next((lot for lot in self.lots if lot.id == lot_id), None)

    async def note_removals(self, now: datetime, number: int) -> None:
        self._removals.append((now.replace(minute=0, second=0, microsecond=0), number))

    async def count_removals(self, since: datetime) -> int:
        hour = since.replace(minute=0, second=0, microsecond=0)
        return sum(number for at, number in self._removals if at >= hour)

    async def count_removed_references(self, now: datetime, limit: int) -> int:
        return min(limit, len(self._removed_references(now)))

    async def hold_references(self, lot: Lot, now: datetime) -> dict[Key, int]:
        removed = self._removed_references(now)
        for key in removed:
            row = self.references[key]
            row.staged, row.staging, row.due, row.escrow = "held", lot.id, False, None
            self.reference_exchanges.pop(key, None)
        self.lots.append(replace(lot, number=len(removed)))
        return dict(Counter(key.source for key in removed))

    def _removed_references(self, now: datetime) -> list[ReferenceKey]:
        return [
            key
            for key, row in self.references.items()
            if row.is_due_now(now) and not row.wanted and key.attribute == "members" and not row.staged
            and row.state != "absent"
        ]  # fmt: skip

    def allow(self) -> None:
        """What is held back may be sent (rule P4), as staging.allow does."""
        for link in list(self.links.values()):
            if link.staged in ("judged", "held"):
                self.links[link.key] = replace(link, staged="allowed", withheld=False)
        for row in self.references.values():
            if row.staged == "held":
                row.staged = "allowed"
                row.make_due()

    def release(self, *, due: bool) -> None:
        """What is held back is forgotten, as staging.reject does, or with `due` a restart of the job."""
        for link in list(self.links.values()):
            if link.staged in ("judged", "held"):
                self.links[link.key] = replace(link, staged="", staging=None, withheld=False)
        for row in self.references.values():
            if row.staged == "held":
                row.staged, row.staging, row.due = "" if due else "rejected", None, due

    async def unseen(self, generation: int, limit: int) -> list[Key]:
        return sorted(key for key, link in self.links.items() if link.generation < generation)[:limit]

    async def count_links(self, generation: int | None = None) -> int:
        return sum(1 for link in self.links.values() if generation is None or link.generation < generation)

    async def groups_with_pending_members(self, limit: int) -> list[Key]:
        return sorted(key for key, link in self.links.items() if link.members_pending)[:limit]

    async def take_members(self, group: Key, members: Sequence[Key], sweep: int) -> None:
        for member in members:
            key = ReferenceKey(group, "members", member)
            self._want(key, True)
            row = self.references[key]
            row.sweep = sweep
            if row.escrow is not None and row.escrow.given_up:
                row.make_due()

    async def finish_members(self, group: Key, sweep: int) -> None:
        for key in self._by_end.get(group, ()):
            row = self.references[key]
            if (
                key.source == group
                and key.attribute == "members"
                and row.sweep != sweep
                and (row.wanted or row.staged == "rejected")
            ):
                row.wanted, row.staged, row.staging = False, "", None
                row.make_due()
        if group in self.links:
            self.links[group] = replace(self.links[group], members_pending=False)

    async def due_references(self, now: datetime, limit: int) -> list[Reference]:
        due = sorted(key for key, row in self.references.items() if row.is_due_now(now))[:limit]
        chosen = set(due)
        for key in due:
            if not is_multi_valued_reference(key.attribute):
                chosen.update(
                    other
                    for other in self._by_end[key.source]
                    if other.source == key.source and other.attribute == key.attribute
                )
        return [self._reference(key) for key in sorted(chosen)]

    async def references_at(self, keys: Collection[Key]) -> Sequence[KeptReference]:
        chosen = {key for end in keys for key in self._by_end.get(end, ())}
        return [self._kept(key, self.references[key]) for key in sorted(chosen)]

    def _kept(self, key: ReferenceKey, row: _Row) -> KeptReference:
        return KeptReference(key, row.wanted, row.state, row.due, row.escrow, row.staged)  # type: ignore[arg-type]

    def take_over(self, position: Position, links: Iterable[Link], references: Iterable[KeptReference]) -> None:
        """Take in what another ledger keeps, where nothing is known yet."""
        self._position = position
        for link in links:
            self.links.setdefault(link.key, link)
        for kept in references:
            if kept.key not in self.references:
                self._want(kept.key, True)
                self.references[kept.key] = _Row(
                    kept.wanted, kept.state, kept.due, escrow=kept.escrow, staged=kept.staged
                )

    async def intend_references(self, keys: Sequence[ReferenceKey]) -> None:
        for key in keys:
            self.references[key].state = "uncertain"

    async def commit_references(self, outcome: ReferenceOutcome) -> None:
        for key in outcome.present:
            self._settled(key, "present")
        for key in outcome.absent:
            self._settled(key, "absent")
        for key, escrow in outcome.failed.items():
            row = self.references[key]
            stays = row.escrow is not None and row.escrow.given_up and not row.due
            row.escrow = replace(escrow, given_up=escrow.given_up or stays)
            row.due = row.due and not escrow.given_up
            self.reference_exchanges.pop(key, None)
        for key in outcome.idle:
            if key in self.references and self.references[key].due:
                self.references[key].due = False
        for link in outcome.links:
            self._save(link)
        self.log.extend(outcome.log)
        for shared in outcome.exchanges:
            self.reference_exchanges.update(dict.fromkeys(shared.references, shared.exchange))
        self._keep_exchanges({}, outcome.exhausted)

    def _keep_exchanges(self, exchanges: Exchanges, exhausted: Exhausted | None) -> None:
        for where, exchange in exchanges.items():
            if exchange is not None:
                self.exchanges[where] = exchange
            else:
                self.exchanges.pop(where, None)
        for where in [each for each in self.exchanges if each not in self.links]:
            del self.exchanges[where]
        if exhausted is not None:
            self.exhausted.append(exhausted)

    def _settled(self, key: ReferenceKey, state: str) -> None:
        row = self.references[key]
        row.state, row.escrow = state, None
        self.reference_exchanges.pop(key, None)
        row.due = row.wanted != (state == "present")
        if state == "absent" and not row.wanted:
            self._remove(key)

    def _reference(self, key: ReferenceKey) -> Reference:
        row = self.references[key]
        return Reference(
            key,
            row.wanted,
            row.state,  # type: ignore[arg-type]  # one of the three states, kept as text here
            self._target_id(key.source),
            self._target_id(key.referenced),
            row.escrow,
            self.links[key.referenced].name if key.referenced in self.links else "",
            row.staged == "allowed",
        )

    def _target_id(self, key: Key) -> str | None:
        link = self.links.get(key)
        return link.target_id if link is not None and link.state == "linked" else None

    def _want(self, key: ReferenceKey, wanted: bool) -> None:
        row = self.references.get(key)
        if row is None:
            if not wanted:
                return
            self.references[key] = _Row(wanted)
            self._by_end.setdefault(key.source, set()).add(key)
            self._by_end.setdefault(key.referenced, set()).add(key)
        elif row.wanted != wanted:
            row.wanted, row.staged, row.staging = wanted, "", None
            row.make_due()

    def _want_single(self, source: Key, attribute: str, referenced: Key | None) -> None:
        for key in list(self._by_end.get(source, ())):
            if key.source == source and key.attribute == attribute and key.referenced != referenced:
                self._want(key, False)
        if referenced is not None:
            key = ReferenceKey(source, attribute, referenced)
            self._want(key, True)
            if self.references[key].escrow is not None:
                self.references[key].make_due()

    def _forget(self, keys: Collection[Key]) -> None:
        for end in keys:
            for key in list(self._by_end.get(end, ())):
                row = self.references[key]
                if row.wanted:
                    row.state = "absent"
                    row.make_due()
                else:
                    self._remove(key)

    def _make_due(self, keys: Collection[Key]) -> None:
        for end in keys:
            for key in self._by_end.get(end, ()):
                if self.references[key].staged not in ("held", "rejected"):
                    self.references[key].make_due()

    def _doubt(self, keys: Collection[Key]) -> None:
        for end in keys:
            for key in self._by_end.get(end, ()):
                row = self.references[key]
                if row.wanted and row.state == "present":
                    row.state = "uncertain"
                    row.make_due()

    def _drop_references(self, source: Key) -> None:
        for key in list(self._by_end.get(source, ())):
            if key.source == source:
                self._remove(key)

    def _remove(self, key: ReferenceKey) -> None:
        del self.references[key]
        self._by_end[key.source].discard(key)
        self._by_end[key.referenced].discard(key)


def _is_at_rest(link: Link) -> bool:
    return link.state == "linked" and link.escrow is None and not link.withheld


def _is_due(link: Link, now: datetime) -> bool:
    if link.escrow is not None:
        return not link.escrow.given_up and is_time_for(link.escrow, now)
    return link.state == "uncertain"


def _is_decided(kept: Link, link: Link) -> bool:
    """Whether somebody decided about a removal while the page that is saved was under way, as ledger.save_links has it."""
    allowed = kept.staged == "allowed" and link.staged in ("counting", "held")
    return allowed or (kept.staged == "" and link.staged == "held")

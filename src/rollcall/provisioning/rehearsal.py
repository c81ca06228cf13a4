"""The ledger of a rehearsed cycle, which forgets everything afterwards.

It takes from the real one what the cycle asks for, when it asks, so that a rehearsal costs what its cycle
costs; what the cycle changes stays in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from rollcall.provisioning.ledger_contract import Commit, KeptReference, Ledger, Lot, ReferenceOutcome
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.model import (
    Key,
    Link,
    LogRecord,
    Reference,
    ReferenceKey,
)

_EVERYTHING = 1 << 40

Named = TypeVar("Named")


class RehearsalLedger(MemoryLedger):
    """A ledger over another one, which it never writes to. `begin` comes first.

    `records`: the log of the rehearsed cycle, without the objects that are in step, which are only counted.
    """

    def __init__(self, real: Ledger) -> None:
        super().__init__()
        self._real = real
        self._with_link: set[Key] = set()
        self._with_references: set[Key] = set()
        self.records: list[LogRecord] = []
        self.added: list[ReferenceKey] = []
        self.removed: list[ReferenceKey] = []
        self.in_step = 0

    @property
    def taken(self) -> Collection[Key]:
        """The objects whose links were taken over so far."""
        return self._with_link

    async def begin(self, now: datetime) -> None:
        """Take over the position and whatever the real ledger wants looked at without being asked."""
        self.take_over(await self._real.position(), (), ())
        await self._take_links(await self._real.due(now, None, _EVERYTHING))
        for state in ("counting", "judged", "allowed"):
            await self._take_links(await self._real.staged(state, None, _EVERYTHING))
        await self._take_links(await self._real.groups_with_pending_members(_EVERYTHING))
        due = await self._real.due_references(now, _EVERYTHING)
        self._take([KeptReference(row.key, row.wanted, row.state, due=True, escrow=row.escrow) for row in due])
        await self._take_links({end for row in due for end in (row.key.source, row.key.referenced)})

    def _take(self, references: Sequence[KeptReference]) -> None:
        self.take_over(self._position, (), references)

    async def _take_links(self, keys: Collection[Key]) -> None:
        missing = set(keys) - self._with_link
        self._with_link |= missing
        self.take_over(self._position, (await self._real.known(missing)).values(), ())

    async def _take_references(self, keys: Collection[Key]) -> None:
        """What starts or ends at these objects, and the links of the other ends."""
        missing = set(keys) - self._with_references
        self._with_references |= missing
        found = await self._real.references_at(missing) if missing else ()
        self._take(found)
        await self._take_links({end for kept in found for end in (kept.key.source, kept.key.referenced)} | missing)

    async def known(self, keys: Collection[Key]) -> dict[Key, Link]:
        await self._take_links(keys)
        return await super().known(keys)

    async def owners(self, kind: str, target_ids: Collection[str]) -> dict[str, Key]:
        real = await self._real.owners(kind, target_ids)
        return self._not_taken(real) | await super().owners(kind, target_ids)

    async def claims(self, kind: str) -> dict[tuple[str, str], Key]:
        return self._not_taken(await self._real.claims(kind)) | await super().claims(kind)

    def _not_taken(self, real: dict[Named, Key]) -> dict[Named, Key]:
        return {name: key for name, key in real.items() if key not in self._with_link}

    async def intend(self, links: Sequence[Link], lost: Collection[Key]) -> None:
        await self._take_references(lost)
        await super().intend(links, lost)

    async def commit(self, commit: Commit) -> None:
        ends = {*commit.touched, *commit.returned, *commit.lost, *commit.dropped}
        ends.update(single.source for single in commit.single_references)
        # By the member, who is in few groups: the group may have a hundred thousand members.
        ends.update(tie.key.referenced for tie in commit.ties)
        await self._take_references(ends)
        await self._take_links({tie.key.source for tie in commit.ties})
        await self._take_links({single.referenced for single in commit.single_references if single.referenced})
        self._note(commit.log)
        await super().commit(replace(commit, log=()))

    def _note(self, log: Sequence[LogRecord]) -> None:
        for record in log:
            if record.code in ("RedundantExport", "RedundantSoftDelete"):
                self.in_step += 1
            else:
                self.records.append(record)

    async def disabled_before(self, moment: datetime, after: tuple[datetime, Key] | None, limit: int) -> list[Link]:
        await self._take_links([link.key for link in await self._real.disabled_before(moment, None, _EVERYTHING)])
        return await super().disabled_before(moment, after, limit)

    async def unseen(self, generation: int, limit: int) -> list[Key]:
        real = [key for key in await self._real.unseen(generation, _EVERYTHING) if key not in self._with_link]
        return sorted(real + await super().unseen(generation, _EVERYTHING))[:limit]

    async def count_links(self, generation: int | None = None) -> int:
        real = await self._real.unseen(_EVERYTHING if generation is None else generation, _EVERYTHING)
        return sum(key not in self._with_link for key in real) + await super().count_links(generation)

    async def count_removals(self, since: datetime) -> int:
        return await self._real.count_removals(since) + await super().count_removals(since)

    async def lot(self, lot_id: str) -> Lot | None:
        return await super().lot(lot_id) or await self._real.lot(lot_id)

    async def take_members(self, group: Key, members: Sequence[Key], sweep: int) -> None:
        await self._take_references([group])
        await self._take_links(members)
        await super().take_members(group, members, sweep)

    async def finish_members(self, group: Key, sweep: int) -> None:
        await self._take_references([group])
        await super().finish_members(group, sweep)

    async def due_references(self, now: datetime, limit: int) -> list[Reference]:
        # All at once: nothing is sent, and each batch would go through all of them again.
        return await super().due_references(now, max(limit, _EVERYTHING))

    async def references_at(self, keys: Collection[Key]) -> Sequence[KeptReference]:
        await self._take_references(keys)
        return await super().references_at(keys)

    async def commit_references(self, outcome: ReferenceOutcome) -> None:
        self.added.extend(outcome.present)
        self.removed.extend(outcome.absent)
        await super().commit_references(replace(outcome, log=()))

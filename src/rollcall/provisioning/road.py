"""Everything one cycle works with, handed from step to step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rollcall.provisioning.connectors.contract import Source, Target
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.gate import OPEN, Gate
from rollcall.provisioning.guards import Emptied, Objection, Tally
from rollcall.provisioning.ledger_contract import Ledger, Position
from rollcall.provisioning.mapping import CompiledMapping
from rollcall.provisioning.matching import TargetIndex
from rollcall.provisioning.model import JobSettings, Key
from rollcall.provisioning.planned import Given
from rollcall.provisioning.planning import UNGUARDED, Allowance
from rollcall.runtime import Runtime


@dataclass(slots=True)
class Counts:
    """What a cycle has done so far; objects, but for `references_…` (ties), `requests` and `pages`.

    `failed_anew`: those that had not failed before this cycle. `in_step`: those that the target showed to be as they should be.
    """

    imported: int = 0
    in_scope: int = 0
    created: int = 0
    updated: int = 0
    disabled: int = 0
    deleted: int = 0
    skipped: int = 0
    failed: int = 0
    failed_anew: int = 0
    in_step: int = 0
    withheld: int = 0
    references_added: int = 0
    references_removed: int = 0
    references_failed: int = 0
    requests: int = 0
    total: int | None = None
    pages: int = 0
    pages_total: int | None = None
    objects_per_second: float | None = None


Observer = Callable[[Counts], Awaitable[None]]


async def nobody_watches(_counts: Counts) -> None:
    """Watches nothing."""


@dataclass(slots=True)
class Road:
    """Everything one cycle of one job works with.

    `verify`: linked resources are read again, so that changes made in the target come to light (Y6).
    `contested`: objects that were refused a name in this cycle because another has it. `failed`: those whose last
    attempt in this cycle failed; `failed_anew` those of them that had not failed before. `force_deletes`: somebody wants
    what guards held back carried out by this cycle. `gate`: what may be sent. `given`: the moment and the chance that
    mappings work with, so that a plan can be worked out once more.
    `allowance`: which removals the guards let go now. `removals`: so many went without anybody's leave; `counting`: so
    many are kept back until all are counted; `removed_references`: so many members were taken out of groups. `tally`,
    `emptied`: what the guards compare them with. `objections`: why something was held back.
    """

    settings: JobSettings
    mappings: dict[str, CompiledMapping]
    source: Source
    target: Target
    ledger: Ledger
    runtime: Runtime
    exporter: Exporter
    context: Callable[[], Context]
    cycle_id: str
    observer: Observer = nobody_watches
    verify: bool = False
    counts: Counts = field(default_factory=Counts)
    indexes: dict[str, TargetIndex | None] = field(default_factory=dict)
    contested: dict[Key, None] = field(default_factory=dict)
    failed: set[Key] = field(default_factory=set)
    failed_anew: set[Key] = field(default_factory=set)
    force_deletes: bool = False
    gate: Gate = OPEN
    given: Given | None = None
    allowance: Allowance = UNGUARDED
    removals: int = 0
    counting: int = 0
    removed_references: int = 0
    tally: Tally | None = None
    emptied: Emptied = field(default_factory=Emptied)
    objections: list[Objection] = field(default_factory=list)
    position: Position = field(default_factory=Position)

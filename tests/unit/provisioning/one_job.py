"""A job between a fake source and a fake target, whose cycles are run by hand, in virtual time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random  # noqa: TID251 - seeded
from typing import Any

from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeSource, FakeTarget
from rollcall.provisioning.cycle import CycleResult, run_cycle
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.mapping import CompiledMapping, compile_mapping
from rollcall.provisioning.model import JobSettings
from rollcall.provisioning.road import Road
from rollcall.provisioning.sync_schema import parse_schema
from tests.simulation.clock import VirtualRuntime

MAPPINGS = {kind: compile_mapping(mapping) for kind, mapping in parse_schema(CUSTOM_SCHEMA).items()}


@dataclass
class Job:
    """A job whose cycles are run by hand; `answers` are given, one each, in place of requests of that moment."""

    settings: JobSettings = field(default_factory=JobSettings)
    verify: bool = False
    mappings: dict[str, CompiledMapping] = field(default_factory=lambda: MAPPINGS)

    def __post_init__(self) -> None:
        self.source, self.ledger = FakeSource(), MemoryLedger()
        self.runtime = VirtualRuntime(Random(1))
        self.answers: dict[str, list[Any]] = {}
        self.target = FakeTarget(self._fault)

    async def _fault(self, moment: str) -> Refused | Unanswered | None:
        waiting = self.answers.get(moment)
        return waiting.pop(0) if waiting else None

    async def cycle(self) -> CycleResult:
        """Run one cycle."""
        self.target.requests.clear()
        return await run_cycle(self.road())

    def road(self) -> Road:
        """What a cycle of the job would work with."""
        runtime = self.runtime
        return Road(
            settings=self.settings,
            mappings=self.mappings,
            source=self.source,
            target=self.target,
            ledger=self.ledger,
            runtime=runtime,
            exporter=Exporter(self.target, runtime, self.settings.concurrency),
            context=lambda: Context(now=runtime.now(), new_guid=lambda: str(runtime.new_id()), random=runtime.chance()),
            cycle_id="cycle",
            verify=self.verify,
        )

    async def restart(self) -> None:
        """Drop the watermark."""
        position = await self.ledger.position()
        await self.ledger.commit(Commit(position=replace(position, watermark=None)))

    def sent(self) -> Counter[tuple[str, str]]:
        """The requests of the last cycle."""
        return Counter(self.target.requests)

    def account(self, name: str) -> dict[str, Any]:
        """The target's user of that name."""
        return next(
            user for user in self.target.resources["User"].values() if user["userName"] == f"{name}@example.org"
        )

    def members(self) -> set[str]:
        """The names of the members of the only group."""
        (group,) = self.target.resources["Group"].values()
        users = self.target.resources["User"]
        return {users[row["value"]]["userName"].partition("@")[0] for row in group.get("members", [])}

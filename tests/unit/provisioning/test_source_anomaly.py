"""If the source suddenly shows far fewer entries, nothing is removed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollcall.provisioning.connectors.fake import FakeSource, FakeTarget
from rollcall.provisioning.cycle import CycleResult, run_cycle
from rollcall.provisioning.defaults import TUTORIAL_SCHEMA
from rollcall.provisioning.dry_run import plan_cycle
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.guards import source_anomaly
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import Entry, JobSettings, Key
from rollcall.provisioning.road import Road
from rollcall.provisioning.sync_schema import parse_schema
from rollcall.runtime import SystemRuntime

MAPPINGS = {kind: compile_mapping(mapping) for kind, mapping in parse_schema(TUTORIAL_SCHEMA).items()}
PEOPLE = 30
UNGUARDED = JobSettings(
    deletion_threshold=None, deletion_percent=None, deletions_per_day=None, source_anomaly_check=False
)


class Town:
    """Thirty people, provisioned; and what a cycle over them needs."""

    def __init__(self, settings: JobSettings | None = None) -> None:
        self.source, self.target, self.ledger = FakeSource(), FakeTarget(), MemoryLedger()
        self.settings = settings or JobSettings()
        for number in range(PEOPLE):
            attributes = {"userPrincipalName": f"u{number}@example.org", "objectId": str(number)}
            self.source.put(Entry(Key("User", f"{number:02}"), "present", attributes, assigned=True))

    def road(self) -> Road:
        runtime = SystemRuntime()
        return Road(
            settings=self.settings,
            mappings=MAPPINGS,
            source=self.source,
            target=self.target,
            ledger=self.ledger,
            runtime=runtime,
            exporter=Exporter(self.target, runtime, 4),
            context=lambda: Context(now=runtime.now(), new_guid=lambda: "0", random=runtime.chance()),
            cycle_id="cycle",
        )

    async def cycle(self) -> CycleResult:
        return await run_cycle(self.road())

    async def lose(self, number: int) -> None:
        """The source forgets people without a word in its change log, and the job reads everything again."""
        for key in sorted(self.source.entries)[:number]:
            del self.source.entries[key]
        position = await self.ledger.position()
        await self.ledger.commit(Commit(position=replace(position, watermark=None)))


@pytest.mark.parametrize(("missing", "linked", "is_anomaly"), [(11, 20, True), (10, 20, False), (19, 19, False)])
def test_half_of_at_least_twenty_may_go_missing(missing: int, linked: int, is_anomaly: bool) -> None:
    assert bool(source_anomaly(missing, linked)) is is_anomaly


async def test_when_most_of_the_source_is_gone_nobody_is_removed_and_the_log_says_why() -> None:
    town = Town()
    await town.cycle()
    await town.lose(PEOPLE - 5)

    planned = await plan_cycle(town.road())
    result = await town.cycle()

    assert (result.held, len(town.target.resources["User"])) == (True, PEOPLE)
    assert (len(planned.objects), len(planned.withheld)) == (0, PEOPLE - 5)
    held = [record for record in town.ledger.log if record.code == "TooManyDeletes"]
    assert len(held) == PEOPLE - 5
    assert f"{PEOPLE - 5} of {PEOPLE} linked objects" in held[0].reason


async def test_a_few_who_are_gone_are_removed() -> None:
    town = Town()
    await town.cycle()
    await town.lose(5)

    result = await town.cycle()

    assert (result.held, len(town.target.resources["User"])) == (False, PEOPLE - 5)


async def test_without_guards_the_administrator_has_said_that_removals_are_meant() -> None:
    town = Town(UNGUARDED)
    await town.cycle()
    await town.lose(PEOPLE)

    await town.cycle()

    assert town.target.resources["User"] == {}

"""A cycle that ends at any step of the road, killed or cut off from its database: nothing is lost, doubled or left untold."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from psycopg.conninfo import conninfo_to_dict

from rollcall import directory
from rollcall.db import Database, DatabaseConfig, open_database
from rollcall.errors import Conflict, Refusal
from rollcall.provisioning import JobSettings, Service, recent_cycles, restart, run_job, standing
from rollcall.provisioning.model import Key
from rollcall.runtime import Runtime, SystemRuntime
from tests.e2e.workers import GENEROUS_SECONDS
from tests.provisioning.agreement import assert_in_step
from tests.provisioning.proxy import Proxy
from tests.provisioning.turnstile import Moment, Turnstile, turnstile_to
from tests.provisioning.world import SEALER, World, found_world, upn
from tests.simulation.judging import gaps_in

# Small pages and one request at a time, so that each step comes by itself.
_SETTINGS = JobSettings(
    interval_seconds=3600, page_size=4, concurrency=1, bulk=False, deletion_threshold=None, deletion_percent=None
)

_LINKS = "insert into provisioning.links"
_LOG = "insert into provisioning.log"
_POSITION = "update provisioning.jobs set watermark"
_SWEEP = "generation < "
_REFERENCES = "update provisioning.object_references r set state = $1"


@dataclass(frozen=True, slots=True)
class Request:
    """The n-th request of this method for this kind; `answered`: carried out, but its answer does not arrive."""

    method: str
    kind: str
    number: int = 1
    answered: bool = False


STEPS: dict[str, Moment | Request] = {
    "before it takes hold": Moment(("update provisioning.jobs set holder",)),
    "before its row is there": Moment(("insert into provisioning.cycles",), "commit"),
    "import": Moment(("from directory.changes",)),
    "scoping and processing": Moment(("as wanted (kind, source_id)",)),
    "matching": Request("GET", "Users"),
    "before the intent": Moment((_LINKS,), "commit"),
    "after the intent": Moment((_LINKS,), "committed"),
    "before the first effect": Request("POST", "Users"),
    "in the middle of the export": Request("POST", "Users", 2),
    "after a creation": Request("POST", "Users", 2, answered=True),
    "after an update": Request("PATCH", "Users", 1, answered=True),
    "after the next update": Request("PATCH", "Users", 2, answered=True),
    "after a deletion": Request("DELETE", "Users", 1, answered=True),
    "after a group's creation": Request("POST", "Groups", 1, answered=True),
    "after the export": Moment((_LOG,)),
    "before the commit": Moment((_LOG,), "commit"),
    "after the commit": Moment((_LOG,), "committed"),
    "after a later page": Moment((_LOG, _LOG, _LOG), "committed"),
    "at the finish of a full reading": Moment((_SWEEP, f"{_POSITION} = $1, reading_full"), "commit"),
    "after a full reading": Moment((_SWEEP, f"{_POSITION} = $1, reading_full"), "committed"),
    "members are compared": Moment(("insert into provisioning.object_references as r",), "commit"),
    "members are compared to the end": Moment(("and sweep <> $4 and (wanted",), "committed"),
    "before the intent of references": Moment((f"{_REFERENCES} from",), "commit"),
    "after the intent of references": Moment((f"{_REFERENCES} from",), "committed"),
    "in the reference pass": Request("PATCH", "Groups", 1, answered=True),
    "before the references' commit": Moment((f"{_REFERENCES} , attempts = 0",), "commit"),
    "after the references' commit": Moment((f"{_REFERENCES} , attempts = 0",), "committed"),
    "at its end": Moment(("set counts = $1, observed = $2, ended",), "commit"),
    "after its end": Moment(("set counts = $1, observed = $2, ended",), "committed"),
}


@pytest.fixture
async def turnstile(database_config: DatabaseConfig) -> AsyncIterator[Turnstile]:
    """What stands between the cycle that is to end and the database."""
    where = conninfo_to_dict(str(database_config.application_url))
    async with turnstile_to(f"{where['host']}/.s.PGSQL.5432") as turnstile:
        yield turnstile


@pytest.fixture
def through(turnstile: Turnstile, database_config: DatabaseConfig) -> DatabaseConfig:
    """The same database, behind the turnstile."""
    where = conninfo_to_dict(str(database_config.application_url))
    address = f"127.0.0.1:{turnstile.port}/{where['dbname']}?sslmode=disable&gssencmode=disable"
    return DatabaseConfig(application_url=f"postgresql://{where['user']}@{address}")


@pytest.fixture
async def world(database: Database, runtime: Runtime, proxy: Proxy) -> World:
    """A company that is provisioned, and has changed in every way since; its job is to read everything again."""
    world = await found_world(database, runtime, proxy, settings=_SETTINGS)
    stay, leave, go, late = [await world.user(name) for name in ("stay", "leave", "go", "late")]
    old = await world.group("Old", [stay, leave, go])
    await world.cycle()
    await world.db.write(directory.update_user, stay, {"givenName": "Stella"})
    await world.db.write(directory.remove_member, old, leave)
    await world.db.write(directory.delete_user, go)
    await world.db.write(directory.purge_user, go)
    newcomers = [await world.user(name) for name in ("new1", "new2")]
    await world.group("New", [stay, late, *newcomers])
    await world.db.write(restart, world.job_id)
    return world


def run_apart(config: DatabaseConfig, tenant: UUID, job_id: UUID) -> None:
    """One cycle, in a process that is going to be killed."""

    async def run() -> None:
        database = await open_database(config)
        await run_job(Service(database, SystemRuntime(), SEALER), tenant, job_id)

    asyncio.run(run())


_APART = multiprocessing.get_context("forkserver")
_APART.set_forkserver_preload(["tests.provisioning.test_every_step"])


@dataclass
class Stage:
    """Where a cycle is to be stopped, and whether it has come there."""

    world: World
    turnstile: Turnstile
    step: Moment | Request

    def __post_init__(self) -> None:
        self.reached, self.over = asyncio.Event(), asyncio.Event()
        self._seen = 0
        if isinstance(self.step, Moment):
            self.turnstile.hold_at(self.step)
            self.reached = self.turnstile.reached
        elif self.step.answered:
            self.world.proxy.keep_back = self._hold
        else:
            self.world.proxy.interfere = self._hold

    async def _hold(self, method: str, path: str) -> None:
        assert isinstance(self.step, Request)
        self._seen += method == self.step.method and f"/{self.step.kind}" in path
        if self._seen == self.step.number and not self.over.is_set():
            self.reached.set()
            await self.over.wait()
            # Whoever asked is gone. What it asked for, and was not carried out, never reaches the target.
            if not self.step.answered:
                raise ConnectionResetError

    async def end(self) -> None:
        """What held the cycle holds nobody any more."""
        self.over.set()
        self.turnstile.hold_at(None)
        self.turnstile.cut()


async def until_free(run: Callable[[], Awaitable[Any]]) -> None:
    """Run a cycle as soon as the server has noticed that the one before is gone."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while True:
            try:
                await run()
            except Conflict:
                await asyncio.sleep(0.02)
            else:
                return


async def brought_to_rest(world: World) -> None:
    """Run cycles until nothing is left to do."""
    await until_free(world.cycle)
    await world.cycle()
    before = len(world.proxy.written())
    await world.cycle()
    assert len(world.proxy.written()) == before, "there was something left to do"


async def judge(world: World) -> None:
    """The target equals the source, nothing was made twice, and the log tells each step of the way, once."""
    await assert_in_step(world)
    made = [each for each in world.proxy.passed if each.method == "POST" and each.status == 201]
    creations = Counter(each.body.get("userName") or each.body["displayName"] for each in made)
    people = ("stay", "leave", "go", "late", "new1", "new2")
    assert creations == Counter([*map(upn, people), "Old", "New"])
    now = await world.db.read(standing, world.job_id)
    assert (now.uncertain, now.escrowed, now.references_due) == (0, 0, 0)
    records = [record for record in reversed(await world.log()) if record["status"] == "success"]
    told = [record for record in records if not is_about_references(record)]
    assert not gaps_in((key_of(record), record["action"], record["modified"]) for record in told)
    assert Counter(record["action"] for record in told) == {"create": 8, "update": 1, "disable": 1, "delete": 1}
    ties = Counter(
        (record["name"], path, end_of(old), end_of(new))
        for record in records
        if is_about_references(record)
        for path, old, new in record["modified"]
    )
    wanted = {str(user.id) for user in await world.db.read(directory.list_users)}
    assert set(ties.values()) == {1}, "a reference was told of twice"
    assert {new for name, _, _, new in ties if name == "New"} < wanted
    assert sum(name == "New" for name, *_ in ties) == 4
    cycles = await world.db.read(recent_cycles, world.job_id, 100)
    assert all(cycle.ended is not None for cycle in cycles)


def is_about_references(record: Mapping[str, Any]) -> bool:
    """Whether a log record tells of members or managers."""
    return bool(record["steps"][-1]["provisioningStepType"] == "referenceResolution")


def end_of(shown: Any) -> str | None:
    """The id of the referenced object in a log record, which has its name beside it where it is known."""
    found: str | None = shown["value"] if isinstance(shown, dict) else shown
    return found


def key_of(record: Mapping[str, Any]) -> Key:
    """Whose record it is."""
    return Key(record["kind"], record["source_id"])


@pytest.mark.parametrize("name", STEPS)
async def test_killed_at_any_step_nothing_is_lost_doubled_or_untold(
    world: World, turnstile: Turnstile, through: DatabaseConfig, name: str
) -> None:
    """A cycle's process is killed as the kernel kills."""
    stage = Stage(world, turnstile, STEPS[name])
    process = _APART.Process(target=run_apart, args=(through, world.db.tenant, world.job_id), daemon=True)
    process.start()
    async with asyncio.timeout(GENEROUS_SECONDS):
        await stage.reached.wait()

    process.kill()
    await asyncio.to_thread(process.join)
    await stage.end()

    await brought_to_rest(world)
    await judge(world)


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if getattr(step, "at", "") == "committed"])
async def test_cut_off_from_the_database_at_any_step_nothing_is_lost_doubled_or_untold(
    world: World, turnstile: Turnstile, through: DatabaseConfig, name: str
) -> None:
    """All sessions end at once, as they do when the database is restarted; the cycle goes on, or the next one does."""
    database = await open_database(through)
    stage = Stage(world, turnstile, STEPS[name])
    cycle = asyncio.create_task(run_job(Service(database, SystemRuntime(), SEALER), world.db.tenant, world.job_id))
    async with asyncio.timeout(GENEROUS_SECONDS):
        await stage.reached.wait()

    await stage.end()
    with suppress(Refusal):
        await cycle
    await database.close()

    await brought_to_rest(world)
    await judge(world)

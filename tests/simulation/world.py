"""A small failing world out of one seed: a directory that changes, a target that fails, cycles that die.

The engine is the real one. Time is virtual. When the faults stop, the target has to equal the source.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeSource, FakeTarget
from rollcall.provisioning.cycle import run_cycle
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.ledger_contract import Commit, Ledger
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import Entry, JobSettings, Key
from rollcall.provisioning.road import Road
from rollcall.provisioning.sync_schema import parse_schema

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
MAPPINGS = {kind: compile_mapping(mapping) for kind, mapping in parse_schema(CUSTOM_SCHEMA).items()}
NAMES = ("ada", "bob", "cem", "dea", "eve", "fay", "gil", "hua")
GROUPS = ("Red", "Blue", "Green")
NOISY_CYCLES = 10
QUIET_CYCLES = 12


class CycleDiedError(Exception):
    """The process was killed at this moment."""


class VirtualRuntime:
    """A clock that only moves when somebody sleeps or the world says so."""

    def __init__(self, chance: random.Random) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self._chance = chance

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self._chance.getrandbits(128))

    def jitter(self) -> float:
        return self._chance.random()


class DyingLedger:
    """A ledger whose process may be killed before or after any of its writes."""

    def __init__(self, ledger: Ledger, dies: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._dies = dies

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._ledger, name)

        async def call(*arguments: object, **named: object) -> object:
            writes = name.startswith(("commit", "intend", "take", "finish"))
            if writes and self._dies():
                raise CycleDiedError
            result = await method(*arguments, **named)
            if writes and self._dies():
                raise CycleDiedError
            return result

        return call


@dataclass(slots=True)
class World:
    """One seed's world."""

    chance: random.Random
    runtime: VirtualRuntime
    source: FakeSource
    target: FakeTarget
    ledger: Ledger
    settings: JobSettings
    faults: float = 0.0
    made: int = 0


def make_world(seed: int, ledger: Ledger | None = None) -> World:
    """The world of one seed, with a few people and groups in it."""
    chance = random.Random(seed)
    runtime = VirtualRuntime(chance)
    settings = JobSettings(
        scope=chance.choice(("assigned", "all")),
        deletion_threshold=0,
        members_per_request=chance.choice((1, 2, 100)),
        concurrency=chance.choice((1, 4)),
        page_size=chance.choice((1, 2, 3, 50)),
    )
    world = World(chance, runtime, FakeSource(), FakeTarget(), ledger or MemoryLedger(), settings)
    world.target = FakeTarget(_fault_of(world))
    for _ in range(chance.randint(2, 5)):
        add_user(world)
    for name in GROUPS[: chance.randint(1, 3)]:
        add_group(world, name)
    for _ in range(6):
        mutate(world)
    return world


def _fault_of(world: World) -> Callable[[str], Awaitable[Refused | Unanswered | None]]:
    async def fault(moment: str) -> Refused | Unanswered | None:
        chance = world.chance
        if world.faults and chance.random() < 0.15:
            mutate(world)
        if chance.random() >= world.faults:
            return None
        if chance.random() < 0.1:
            raise CycleDiedError
        world.runtime.time += timedelta(seconds=1)
        if moment.startswith("after"):
            return Unanswered("Timeout", "No answer came within 30 s.", away=chance.random() < 0.2)
        answers: Sequence[Refused | Unanswered] = (
            Unanswered("Timeout", "No answer came within 30 s.", away=True),
            Unanswered("InternalServerError", "The target answered 500."),
            Refused("TooManyRequests", "The target asks to slow down.", 429, retry_after_seconds=chance.choice((1, 500))),
            Refused("InsufficientRights", "The target does not allow this.", 403),
            Refused("WebExceptionProtocolError", "Connection refused.", None, away=True),
            Refused("Unauthorized", "The secret token is not accepted.", 401, denied=True),
        )
        return chance.choice(answers)

    return fault


def add_user(world: World) -> None:
    """A joiner, sometimes with a name that somebody purged has left free."""
    taken = {entry.attributes["userPrincipalName"] for entry in _of_kind(world, "User")}
    free = [name for name in NAMES if f"{name}@example.org" not in taken]
    if not free:
        return
    name = world.chance.choice(free)
    world.made += 1
    key = Key("User", f"U{world.made:03}")
    attributes = {
        "userPrincipalName": f"{name}@example.org",
        "givenName": name.title(),
        "surname": "Doe",
        "mobile": world.chance.choice((None, "+1 555 0100")),
        "mailNickname": f"{name}{world.made}",
        "accountEnabled": True,
    }
    world.source.put(Entry(key, "present", attributes, assigned=world.chance.random() < 0.8))


def add_group(world: World, name: str) -> None:
    """A new group."""
    world.made += 1
    key = Key("Group", f"G{world.made:03}")
    world.source.put(
        Entry(key, "present", {"displayName": name, "objectId": key.id}, assigned=world.chance.random() < 0.8)
    )


def _of_kind(world: World, kind: str) -> list[Entry]:
    return [entry for key, entry in sorted(world.source.entries.items()) if key.kind == kind]


def mutate(world: World) -> None:
    """One change in the directory."""
    chance, source = world.chance, world.source
    users, groups = _of_kind(world, "User"), _of_kind(world, "Group")
    change = chance.randrange(12)
    if change == 0 or not users:
        add_user(world)
        return
    user = chance.choice(users)
    if change == 1:
        source.put(replace(user, assigned=not user.assigned))
    elif change == 2:
        source.put(replace(user, state="deleted" if user.state == "present" else "present"))
    elif change == 3:
        _set(source, user, accountEnabled=not user.attributes["accountEnabled"])
    elif change == 4:
        _set(source, user, givenName=chance.choice(("Kim", "Lou", "Max")), mobile=chance.choice((None, "+44 1", "+44 2")))
    elif change == 5:
        _set(source, user, manager=chance.choice((None, chance.choice(users).key.id)))
    elif change == 6 and user.state == "deleted":
        source.purge(user.key)
    elif change == 7:
        _rename(world, user)
    elif groups:
        _change_group(world, chance.choice(groups), user, change)


def _set(source: FakeSource, entry: Entry, **attributes: object) -> None:
    source.put(replace(entry, attributes={**entry.attributes, **attributes}))


def _rename(world: World, user: Entry) -> None:
    taken = {entry.attributes["userPrincipalName"] for entry in _of_kind(world, "User")}
    name = f"{world.chance.choice(NAMES)}@example.org"
    if name not in taken:
        _set(world.source, user, userPrincipalName=name)


def _change_group(world: World, group: Entry, user: Entry, change: int) -> None:
    source = world.source
    if change in (8, 9, 6):
        if (group.key.id, user.key) in source.memberships:
            source.leave(group.key.id, user.key)
        else:
            source.join(group.key.id, user.key)
    elif change == 10:
        source.put(replace(group, assigned=not group.assigned))
    elif world.chance.random() < 0.3:
        source.purge(group.key)
        add_group(world, str(group.attributes["displayName"]))


async def run_world(world: World) -> None:
    """Noisy cycles, then quiet ones until nothing is left to do."""
    for _ in range(NOISY_CYCLES):
        world.faults = world.chance.choice((0.0, 0.1, 0.3, 0.6))
        for _ in range(world.chance.randint(0, 5)):
            mutate(world)
        await one_cycle(world, dies=world.chance.choice((0.0, 0.05, 0.2)))
        world.runtime.time += timedelta(seconds=world.chance.choice((1, 60, 4000)))
        if world.chance.random() < 0.1:
            await restart(world)
    world.faults = 0.0
    for _ in range(QUIET_CYCLES):
        await one_cycle(world)
        world.runtime.time += timedelta(hours=7)


async def restart(world: World) -> None:
    """Drop the watermark, as a restart with resetScope Watermark does (engine spec §10)."""
    position = await world.ledger.position()
    await world.ledger.commit(Commit(position=replace(position, watermark=None)))


async def one_cycle(world: World, dies: float = 0.0) -> None:
    """One cycle; being killed in the middle of it is part of the game."""
    ledger = DyingLedger(world.ledger, lambda: world.chance.random() < dies)
    road = Road(
        settings=world.settings,
        mappings=MAPPINGS,
        source=world.source,
        target=world.target,
        ledger=ledger,  # type: ignore[arg-type]  # hands every call on to a ledger
        runtime=world.runtime,
        exporter=Exporter(world.target, world.runtime, world.settings.concurrency),
        context=lambda: Context(
            now=world.runtime.now(), new_guid=lambda: str(world.runtime.new_id()), random=world.chance
        ),
        cycle_id=str(world.runtime.new_id()),
        verify=True,
    )
    try:
        await run_cycle(road)
    except CycleDiedError:
        return


def differences(world: World) -> list[str]:
    """What is wrong in the target, in words; nothing when it equals the source."""
    wrong: list[str] = []
    users = _by_name(world, "User", "userName", wrong)
    groups = _by_name(world, "Group", "displayName", wrong)
    ids: dict[Key, str] = {}
    for entry in _of_kind(world, "User"):
        resource = users.pop(str(entry.attributes["userPrincipalName"]), None)
        if resource is not None:
            ids[entry.key] = str(resource["id"])
        wrong.extend(_user_faults(world, entry, resource))
    wrong.extend(f"orphan user {name}" for name in users)
    for entry in _of_kind(world, "User"):
        wrong.extend(_manager_faults(world, entry, ids))
    for entry in _of_kind(world, "Group"):
        resource = groups.pop(str(entry.attributes["displayName"]), None)
        if _in_scope(world, entry) != (resource is not None):
            wrong.append(f"group {entry.key.id}: in scope {_in_scope(world, entry)}, there {resource is not None}")
        elif resource is not None:
            wanted = {ids[m] for g, m in world.source.memberships if g == entry.key.id and m in ids}
            there = {member["value"] for member in resource.get("members", [])}
            if wanted != there:
                wrong.append(f"group {entry.key.id}: members {sorted(there)}, not {sorted(wanted)}")
    wrong.extend(f"orphan group {name}" for name in groups)
    return wrong


def _by_name(world: World, kind: str, name: str, wrong: list[str]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for resource in world.target.resources[kind].values():
        if str(resource[name]) in found:
            wrong.append(f"two of {resource[name]}")
        found[str(resource[name])] = resource
    return found


def _in_scope(world: World, entry: Entry) -> bool:
    entitled = entry.assigned or world.settings.scope == "all"
    return entry.state == "present" and entitled and entry.attributes.get("accountEnabled", True) is True


def _user_faults(world: World, entry: Entry, resource: dict[str, object] | None) -> list[str]:
    if not _in_scope(world, entry):
        if resource is not None and resource.get("active") is not False:
            return [f"leaver {entry.key.id} is still active"]
        return []
    if resource is None:
        return [f"user {entry.key.id} is missing"]
    faults = []
    if resource.get("active") is not True:
        faults.append(f"user {entry.key.id} is not active")
    name = resource.get("name")
    if not isinstance(name, dict) or name.get("givenName") != entry.attributes["givenName"]:
        faults.append(f"user {entry.key.id} has the wrong name {name}")
    phones = [phone["value"] for phone in resource.get("phoneNumbers", [])]  # type: ignore[attr-defined]
    if entry.attributes["mobile"] is not None and phones != [entry.attributes["mobile"]]:
        faults.append(f"user {entry.key.id} has the phones {phones}")
    return faults


def _manager_faults(world: World, entry: Entry, ids: dict[Key, str]) -> list[str]:
    if not _in_scope(world, entry) or entry.key not in ids:
        return []
    resource = world.target.resources["User"][ids[entry.key]]
    extension = resource.get(MANAGER.rpartition(":")[0], {})
    there = (extension.get("manager") or {}).get("value")
    wanted = ids.get(Key("User", str(entry.attributes.get("manager"))))
    return [] if there == wanted else [f"user {entry.key.id}: manager {there}, not {wanted}"]


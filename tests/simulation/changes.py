"""What happens to a world while the engine works: people change the directory, administrators change the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random  # noqa: TID251 - seeded

from rollcall.provisioning.connectors.fake import FakeSource, FakeTarget
from rollcall.provisioning.ledger_contract import Ledger
from rollcall.provisioning.model import Entry, JobSettings, Key, PatchOperation
from tests.simulation.clock import VirtualRuntime

GROUPS = ("Red", "Blue", "Green")
DEPARTMENTS = ("Sales", "Sales", "Law", None)
NAMES = (
    "ada", "bob", "cem", "dea", "eve", "fay", "gil", "hua", "ida", "jun", "kai", "lea",
    "mia", "ned", "ola", "pia", "qui", "ron", "sue", "tim", "una", "vic", "wim", "yan",
)  # fmt: skip


@dataclass(slots=True)
class World:
    """One seed's world.

    `faults`: how likely a request fails. `meddling`: administrators change the target by hand, and the
    job's settings change. `foreign`: resources made by hand. `restart_due`: only reading everything
    again can show what was done by hand. `idle_requests`: what the last, idle cycle sent. `forgetful`: the
    target drops the references of whoever is set inactive. `filtered`: a scoping filter keeps some people out.
    """

    chance: Random
    runtime: VirtualRuntime
    source: FakeSource
    target: FakeTarget
    ledger: Ledger
    settings: JobSettings
    names: Sequence[str]
    meddling: bool
    faults: float = 0.0
    made: int = 0
    foreign: set[str] = field(default_factory=set)
    restart_due: bool = False
    idle_requests: int = 0
    forgetful: bool = False
    filtered: bool = False


def of_kind(world: World, kind: str) -> list[Entry]:
    """The directory's objects of a kind, in the order of their ids."""
    return [entry for key, entry in sorted(world.source.entries.items()) if key.kind == kind]


def add_user(world: World) -> None:
    """A joiner, sometimes with a name that somebody purged has left free."""
    name = _free_name(world)
    if name is None:
        return
    world.made += 1
    key = Key("User", f"U{world.made:03}")
    attributes = {
        "userPrincipalName": name,
        "givenName": name.partition("@")[0].title(),
        "surname": "Doe",
        "mobile": world.chance.choice((None, "+1 555 0100")),
        "mailNickname": f"n{world.made}",
        "accountEnabled": True,
        "department": world.chance.choice(DEPARTMENTS),
    }
    world.source.put(Entry(key, "present", attributes, assigned=world.chance.random() < 0.8))


def add_group(world: World, name: str) -> None:
    """A new group."""
    world.made += 1
    key = Key("Group", f"G{world.made:03}")
    world.source.put(
        Entry(key, "present", {"displayName": name, "objectId": key.id}, assigned=world.chance.random() < 0.8)
    )


def _free_name(world: World) -> str | None:
    taken = {entry.attributes["userPrincipalName"] for entry in of_kind(world, "User")}
    free = [name for each in world.names if (name := f"{each}@example.org") not in taken]
    return world.chance.choice(free) if free else None


def mutate(world: World) -> None:
    """One change in the directory."""
    chance, source = world.chance, world.source
    users, groups = of_kind(world, "User"), of_kind(world, "Group")
    change = chance.randrange(14)
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
        _set(source, user, givenName=chance.choice(("Kim", "Lou", "Max")))
        _set(source, source.entries[user.key], mobile=chance.choice((None, "+44 1", "+44 2")))
        _set(source, source.entries[user.key], department=chance.choice(DEPARTMENTS))
    elif change == 5:
        _set(source, user, manager=chance.choice((None, chance.choice(users).key.id)))
    elif change == 6 and user.state == "deleted":
        source.purge(user.key)
    elif change == 7:
        _rename(world, user)
    elif change == 13:
        _exchange_names(world, user, chance.sample(users, min(len(users), chance.choice((1, 1, 2)))))
    elif groups:
        _change_group(world, chance.choice(groups), user, change)


def _set(source: FakeSource, entry: Entry, **attributes: object) -> None:
    source.put(replace(entry, attributes={**entry.attributes, **attributes}))


def _rename(world: World, user: Entry) -> None:
    name = _free_name(world)
    if name is not None:
        _set(world.source, user, userPrincipalName=name)


def _exchange_names(world: World, user: Entry, others: Sequence[Entry]) -> None:
    """Two people take each other's name, or three the next one's."""
    ring = [user, *(other for other in others if other.key != user.key)]
    names = [entry.attributes["userPrincipalName"] for entry in ring]
    for entry, name in zip(ring, [*names[1:], names[0]], strict=True):
        _set(world.source, entry, userPrincipalName=name)


def _change_group(world: World, group: Entry, user: Entry, change: int) -> None:
    source, chance = world.source, world.chance
    if change in (6, 8, 9, 11):
        others = [other.key for other in of_kind(world, "Group") if other.key != group.key]
        member = chance.choice(others) if change == 11 and others else user.key
        if (group.key.id, member) in source.memberships:
            source.leave(group.key.id, member)
        else:
            source.join(group.key.id, member)
    elif change == 10:
        source.put(replace(group, assigned=not group.assigned))
    elif chance.random() < 0.3:
        source.purge(group.key)
        add_group(world, str(group.attributes["displayName"]))
    elif chance.random() < 0.5:
        source.put(replace(group, state="deleted" if group.state == "present" else "present"))


async def meddle(world: World) -> None:
    """One thing that an administrator does in the target behind the engine's back.

    A resource of whose creation the engine never heard keeps its name: renamed as well, nothing could find it.
    """
    chance, target = world.chance, world.target
    act = chance.randrange(5)
    world.restart_due = True
    if act == 0:
        _make_account(world)
        return
    kind = chance.choice(("User", "Group"))
    ids = sorted(target.resources[kind])
    if not ids:
        return
    target_id = chance.choice(ids)
    owned = await world.ledger.owners(kind, [target_id])
    if target_id not in target.resources[kind]:
        return  # somebody else deleted it meanwhile
    if act == 1:
        target.delete_by_hand(kind, target_id)
    elif act == 2 and (owned or target_id in world.foreign):
        world.made += 1
        name = "userName" if kind == "User" else "displayName"
        target.change_by_hand(kind, target_id, [PatchOperation("replace", name, f"by-hand-{world.made}")])
    elif kind == "User":
        change = {"name": {"givenName": "Zed"}} if act == 3 else {"active": chance.random() < 0.5}
        target.change_by_hand(kind, target_id, [PatchOperation("replace", None, change)])


def _make_account(world: World) -> None:
    name = f"{world.chance.choice(world.names)}@example.org".upper()
    there = {str(resource["userName"]).casefold() for resource in world.target.resources["User"].values()}
    if name.casefold() not in there:
        world.foreign.add(world.target.make_by_hand("User", {"userName": name, "active": True}))

"""Whether the target of a world that has come to rest equals its source, and if not, what is wrong, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rollcall.provisioning.model import Entry, Key, LogRecord
from rollcall.provisioning.target_schema import read_value
from tests.simulation.changes import World, of_kind

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
_NAMES = {"User": ("userPrincipalName", "userName"), "Group": ("displayName", "displayName")}

Resource = Mapping[str, Any]


async def differences(world: World) -> list[str]:
    """What is wrong in the target, in words; nothing when it equals the source.

    Where an account made by hand holds a name that somebody linked should have, updates alone can't make them equal;
    then it is enough that everybody who left is locked out.
    """
    if await _is_contested(world):
        return await _open_doors(world)
    wrong: list[str] = []
    found: dict[Key, Resource] = {}
    for kind, (source_name, target_name) in _NAMES.items():
        by_name = await _by_name(world, kind, target_name, wrong)
        for entry in of_kind(world, kind):
            resource = by_name.pop(str(entry.attributes[source_name]).casefold(), None)
            if resource is not None:
                found[entry.key] = resource
        wrong.extend(f"orphan {kind} {name}" for name in by_name)
    for key, entry in sorted(world.source.entries.items()):
        faults = _user_faults if key.kind == "User" else _group_faults
        wrong.extend(f"{key.kind} {key.id}: {fault}" for fault in faults(world, entry, found))
    wrong.extend(await _ledger_faults(world))
    if world.idle_requests:
        wrong.append(f"a cycle with nothing to do sent {world.idle_requests} requests")
    return wrong


async def _ledger_faults(world: World) -> list[str]:
    """Where the ledger differs from the target: what was sent is kept, so that every write can be explained."""
    faults = []
    for key, link in sorted((await world.ledger.known(list(world.source.entries))).items()):
        if link.state == "uncertain":
            faults.append(f"{key.kind} {key.id} is uncertain still")
        resource = world.target.resources[key.kind].get(str(link.target_id), {})
        for path, value in link.sent.items():
            there = read_value(resource, path)
            if str(there).casefold() != str(value).casefold():
                faults.append(f"{key.kind} {key.id}: {path} is {there!r}, and {value!r} in the ledger")
    return faults


async def _is_contested(world: World) -> bool:
    """Whether somebody linked waits for a name that an account made by hand holds, or for somebody who does."""
    rows = world.target.resources["User"]
    owned = await world.ledger.owners("User", set(rows))
    holders = {str(row["userName"]).casefold(): target_id for target_id, row in rows.items()}
    wanted = {
        target_id: holders.get(str(world.source.entries[key].attributes["userPrincipalName"]).casefold())
        for target_id, key in owned.items()
        if key in world.source.entries
    }
    for start, wished in wanted.items():
        holder, passed = wished, {start}
        while holder is not None and holder not in passed:
            passed.add(holder)
            if holder not in owned and holder in world.foreign:
                return True
            holder = wanted.get(holder)
    return False


async def _open_doors(world: World) -> list[str]:
    """Everybody who left and whose account, known by its link, is still active."""
    rows = world.target.resources["User"]
    owned = await world.ledger.owners("User", set(rows))
    return [
        f"User {key.id}: a leaver is still active"
        for target_id, key in sorted(owned.items())
        if rows[target_id].get("active") is not False
        and (key not in world.source.entries or not is_in_scope(world, world.source.entries[key]))
    ]


async def _by_name(world: World, kind: str, name: str, wrong: list[str]) -> dict[str, Resource]:
    """Resources by folded name, but for those made by hand that the engine never took over."""
    owned = await world.ledger.owners(kind, set(world.target.resources[kind]))
    found: dict[str, Resource] = {}
    for target_id, resource in world.target.resources[kind].items():
        if target_id in world.foreign and target_id not in owned:
            continue
        folded = str(resource[name]).casefold()
        if folded in found:
            wrong.append(f"two of {folded}")
        found[folded] = resource
    return found


def is_in_scope(world: World, entry: Entry) -> bool:
    """Whether the target should have this object, usable."""
    entitled = (entry.key in _entitled(world) or world.settings.scope == "all") and not _is_filtered_out(world, entry)
    return entry.state == "present" and entitled and entry.attributes.get("accountEnabled", True) is True


def _is_filtered_out(world: World, entry: Entry) -> bool:
    """Whether neither of the two filters of `tests.simulation.world.FILTERS` holds."""
    if entry.key.kind != "User" or not world.filtered:
        return False
    department = entry.attributes["department"]
    is_early = str(entry.attributes["givenName"])[0] <= "L"
    return department != "Sales" and (department is not None or not is_early)


def _is_to_be_deleted(world: World) -> bool:
    """Whether who left is deleted, by the time a world has come to rest."""
    return not world.settings.soft_delete or world.settings.delete_after_days > 0


def _entitled(world: World) -> set[Key]:
    """Who is assigned, or is inside a living assigned group where nested groups are taken in (rule S2)."""
    entries, nested = world.source.entries, world.settings.nested_groups
    entitled = {key for key, entry in entries.items() if entry.assigned}
    if nested == "direct":
        return entitled
    # Each round goes one step down; groups hand on what they are entitled to while they are alive.
    while True:
        handing = {key.id for key in entitled if key.kind == "Group" and entries[key].state == "present"}
        below = {member for group_id, member in world.source.memberships if group_id in handing} & entries.keys()
        if below <= entitled:
            break
        entitled |= below
    own_groups_only = nested == "flatten"
    return {key for key in entitled if key.kind == "User" or not own_groups_only or entries[key].assigned}


def _members(world: World, group_id: str) -> set[Key]:
    """Who should be a member of the group in the target, if they are there."""
    entries, memberships = world.source.entries, world.source.memberships
    members = {member for each, member in memberships if each == group_id}
    if world.settings.nested_groups != "flatten":
        return members
    while True:
        inner = {key.id for key in members if key.kind == "Group" and entries[key].state == "present"}
        more = {member for each, member in memberships if each in inner}
        if more <= members:
            return {key for key in members if key.kind == "User"}
        members |= more


def _user_faults(world: World, entry: Entry, found: Mapping[Key, Resource]) -> list[str]:
    resource = found.get(entry.key)
    if not is_in_scope(world, entry):
        if resource is not None and _is_to_be_deleted(world):
            return ["a leaver is still there"]
        return [] if resource is None or resource.get("active") is False else ["a leaver is still active"]
    if resource is None:
        return ["missing"]
    manager = found.get(Key("User", str(entry.attributes.get("manager"))), {})
    forgotten = world.forgetful and manager.get("active") is False and read_value(resource, f"{MANAGER}.value") is None
    wanted = {
        "active": True,
        "name.givenName": entry.attributes["givenName"],
        "externalId": entry.attributes["mailNickname"],
        f"{MANAGER}.value": None if forgotten else manager.get("id"),
    }
    if entry.attributes["mobile"] is not None:
        wanted['phoneNumbers[type eq "mobile"].value'] = entry.attributes["mobile"]
    return [
        f"{path} is {there!r}, not {value!r}"
        for path, value in wanted.items()
        if (there := read_value(resource, path)) != value
    ]


def _group_faults(world: World, entry: Entry, found: Mapping[Key, Resource]) -> list[str]:
    resource = found.get(entry.key)
    if is_in_scope(world, entry) != (resource is not None):
        return [f"in scope {is_in_scope(world, entry)}, there {resource is not None}"]
    if resource is None:
        return []
    wanted = {str(found[member]["id"]) for member in _members(world, entry.key.id) if member in found}
    there = {member["value"] for member in resource.get("members", [])}
    lost = wanted - there if world.forgetful else set()
    if all(world.target.resources["User"].get(each, {}).get("active") is False for each in lost):
        wanted -= lost
    return [] if wanted == there else [f"members {sorted(there)}, not {sorted(wanted)}"]


def log_gaps(world: World) -> list[str]:
    """Where the log does not tell the whole story; asked for only where the ledger is in memory."""
    records: Sequence[LogRecord] = world.ledger.log  # type: ignore[attr-defined]
    told = [
        (record.key, record.action, record.modified)
        for record in records
        if record.status == "success" and record.steps[-1]["provisioningStepType"] != "referenceResolution"
    ]
    made = sum(action == "create" for _, action, _ in told)
    counted = [] if made == world.target.made else [f"{world.target.made} resources were made, and {made} are logged"]
    return gaps_in(told) + counted


def gaps_in(told: Iterable[tuple[Key, str, Iterable[Sequence[Any]]]]) -> list[str]:
    """What does not fit together in a log, as object, action and changed values: each begins where the one before it ended.

    Nothing is made or deleted twice, and no value changes but by a record.
    """
    faults: list[str] = []
    states: dict[Key, dict[str, Any]] = {}
    for key, action, changes in told:
        was_there = key in states
        if was_there == (action == "create"):
            faults.append(f"{key.kind} {key.id}, {action}: it was {'' if was_there else 'not '}there")
        if action == "delete":
            states.pop(key, None)
            continue
        state = states.setdefault(key, {})
        for path, old, new in changes:
            if str(state.get(path)).casefold() != str(old).casefold():
                faults.append(f"{key.kind} {key.id}, {action}: {path} was {state.get(path)!r}, and not {old!r}")
            state[path] = new
    return faults

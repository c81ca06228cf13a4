"""What the audit log is told of changes to accounts and groups: one event for what happened, however many it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from rollcall.scim.attribute import Resource
from rollcall.workspaces.audit import MASKED, Happening

NAMED_AT_ONCE = 1_000
"""How many people one event names at the most; more of them are told of in more events."""
_LONGEST_VALUE = 500
_SILENT = frozenset({"schemas", "id", "meta", "members", "groups"})
_SECRET = frozenset({"password"})


def changed_attributes(before: Resource, after: Resource) -> list[tuple[str, Any, Any]]:
    """What is another value in `after`, attribute by attribute; of extensions each attribute by itself."""
    old, new = dict(_attributes(before)), dict(_attributes(after))
    return [
        (name, _shown(name, old.get(name)), _shown(name, new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def user_events(
    user_id: UUID, before: Resource, after: Resource, *, synchronised: bool, by_hand: bool = False
) -> list[Happening]:
    """What a write made of an account that was there. `synchronised`: whether SCIM managed it before."""
    events = []
    if not synchronised and not by_hand and after.get("externalId") is not None:
        events.append(_of_user("user.adopted", user_id, details={"external_id": after["externalId"]}))
    was, is_ = before.get("active") is not False, after.get("active") is not False
    if was != is_:
        events.append(_of_user("user.resumed" if is_ else "user.suspended", user_id))
    changes = [change for change in changed_attributes(before, after) if change[0] != "active"]
    if changes:
        events.append(_of_user("user.updated", user_id, changes=changes))
    return events


def user_made(user_id: UUID, resource: Resource, origin: str) -> Happening:
    """An account was made, by SCIM or by hand."""
    return _of_user("user.created", user_id, details={"origin": origin, "user_name": resource["userName"]})


def user_gone(user_id: UUID, user_name: str, workspaces: Sequence[UUID]) -> list[Happening]:
    """An account was deleted, and its memberships of these workspaces with it (row O12)."""
    ended = [
        Happening("membership.removed", "workspace", str(each), details={"user": str(user_id), "cause": "user.deleted"})
        for each in workspaces
    ]
    return [_of_user("user.deleted", user_id, details={"user_name": user_name}), *ended]


def group_event(action: str, group_id: UUID, name: str, changes: Sequence[tuple[str, Any, Any]] = ()) -> Happening:
    """A group was made, changed or deleted."""
    return Happening(action, "group", str(group_id), changes=changes, details={"name": name})


def bindings(action: str, group_id: UUID, workspaces: Sequence[UUID]) -> list[Happening]:
    """A group and the lists of these workspaces found each other (`group.bound`), or do no longer (`group.unbound`)."""
    return [
        Happening(action, "group", str(group_id), details={"workspaces": _texts(part), "count": len(workspaces)})
        for part in _parts(workspaces)
    ]


def moved(
    group_id: UUID, workspaces: Sequence[UUID], *, joined: Sequence[UUID] = (), left: Sequence[UUID] = ()
) -> list[Happening]:
    """Members came and went; in the workspaces whose list has the group they have its origin, or lost it (rows O1, O2)."""
    events = []
    for what, people in (("added", joined), ("removed", left)):
        for part in _parts(people):
            named = {"members": _texts(part), "count": len(people)}
            events.append(Happening(f"group.member_{what}", "group", str(group_id), details=named))
            origin = {"origin": f"scim:{group_id}", "users": _texts(part), "count": len(people)}
            events += [
                Happening(f"membership.{what}", "workspace", str(workspace), details=origin) for workspace in workspaces
            ]
    return events


def _of_user(
    action: str,
    user_id: UUID,
    *,
    changes: Sequence[tuple[str, Any, Any]] = (),
    details: Mapping[str, Any] | None = None,
) -> Happening:
    return Happening(action, "user", str(user_id), changes=changes, details=details or {})


def _attributes(resource: Resource) -> Iterator[tuple[str, Any]]:
    for name, value in resource.items():
        if name in _SILENT:
            continue
        if ":" in name and isinstance(value, dict):
            yield from ((f"{name}:{inner}", each) for inner, each in value.items())
        else:
            yield name, value


def _shown(name: str, value: Any) -> Any:
    if name in _SECRET:
        return None if value is None else MASKED
    if isinstance(value, str):
        return value[:_LONGEST_VALUE]
    too_long = isinstance(value, dict | list) and len(str(value)) > _LONGEST_VALUE
    return f"{len(value)} values" if too_long else value


def _parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), NAMED_AT_ONCE):
        yield ids[start : start + NAMED_AT_ONCE]


def _texts(ids: Sequence[UUID]) -> list[str]:
    return [str(each) for each in ids]

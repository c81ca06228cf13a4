"""What unit tests of the engine are built from: short ways to entries, mappings, links and items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rollcall.provisioning.mapping import compile_mapping, desired
from rollcall.provisioning.model import (
    AttributeMapping,
    Desired,
    Entry,
    JobSettings,
    Key,
    Link,
    MappingSource,
    ObjectMapping,
    Scope,
)
from rollcall.provisioning.planning import Item
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.expression_context import context

ADA, BOB, RED = Key("User", "ada"), Key("User", "bob"), Key("Group", "red")
ACTIVE = Scope("active", "Assigned.")
SETTINGS = JobSettings()
PHONE = 'phoneNumbers[type eq "mobile"].value'
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
IS_ACTIVE = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'


def entry(key: Key = ADA, state: Any = "present", *, assigned: bool = True, **attributes: Any) -> Entry:
    """An entry; a user is called after its key."""
    name = {"userPrincipalName": f"{key.id}@example.org"} if key.kind == "User" else {"displayName": key.id}
    return Entry(key, state, {**name, **attributes}, assigned=assigned)


def direct(source: str, target: str, matching: int = 0, **more: Any) -> AttributeMapping:
    """A mapping of one source attribute."""
    return AttributeMapping(target, MappingSource("Attribute", source), matching_priority=matching, **more)


def computed(expression: str, target: str, **more: Any) -> AttributeMapping:
    """A mapping by expression."""
    return AttributeMapping(target, MappingSource("Function", expression), **more)


def constant(text: str, target: str, **more: Any) -> AttributeMapping:
    """A mapping of a constant."""
    return AttributeMapping(target, MappingSource("Constant", text), **more)


USER_NAME = direct("userPrincipalName", "userName", 1)
USERS = ObjectMapping(
    "User",
    (USER_NAME, computed(IS_ACTIVE, "active"), direct("givenName", "name.givenName"), direct("mobile", PHONE)),
)
GROUPS = ObjectMapping("Group", (direct("displayName", "displayName", 1), direct("members", "members")))


def users(*attributes: AttributeMapping, **more: Any) -> ObjectMapping:
    """A mapping of users by userName and these attributes."""
    return ObjectMapping("User", (USER_NAME, *attributes), **more)


def wanted(of: Entry, mapping: ObjectMapping = USERS, settings: JobSettings = SETTINGS) -> Desired:
    """What is desired for an entry."""
    compiled = compile_mapping(mapping)
    return desired(of, decide(of, settings, compiled.filters), compiled, context())


def linked(key: Key = ADA, target_id: str = "t1", **sent: Any) -> Link:
    """A link that carries `sent`."""
    return Link(key, name=key.id, state="linked", target_id=target_id, sent=sent)


def item(
    of: Entry,
    link: Link | None = None,
    *,
    mapping: ObjectMapping | None = None,
    settings: JobSettings = SETTINGS,
    present: Mapping[str, Any] | None = None,
    known: Link | None = None,
    **more: Any,
) -> Item:
    """An entry ready to be planned: not in the target, or with `link`."""
    rules = mapping or (USERS if of.key.kind == "User" else GROUPS)
    state = link or Link(of.key)
    return Item(
        decide(of, settings, compile_mapping(rules).filters),
        wanted(of, rules, settings),
        known or state,
        state,
        rules,
        present=None if present is None else dict(present),
        **more,
    )


def sent_for(of: Entry, mapping: ObjectMapping | None = None, **more: Any) -> Link:
    """The link of an entry whose present state is in the target already."""
    rules = mapping or (USERS if of.key.kind == "User" else GROUPS)
    return replace(linked(of.key, f"t-{of.key.id}"), sent=wanted(of, rules).values, **more)

"""Tries an expression: the attributes a person would bring to it, and what clock and chance it is given."""

from __future__ import annotations

from collections.abc import Mapping

from rollcall.provisioning.connectors.directory import named
from rollcall.provisioning.expression import Context
from rollcall.provisioning.model import Entry, JobSettings, Json, Key, Values
from rollcall.provisioning.scoping import decide
from rollcall.runtime import Runtime


def attributes_of_user(attributes: Mapping[str, Json], *, deleted: bool) -> Values:
    """What a mapping's expressions see of a directory user who is assigned, from its attributes by Graph names."""
    user_id = str(attributes.get("id", ""))
    entry = Entry(Key("User", user_id), "deleted" if deleted else "present", named(attributes))
    is_active = decide(entry, JobSettings(scope="all")).verdict == "active"
    return {**entry.attributes, "IsSoftDeleted": not is_active}


def trial_context(runtime: Runtime) -> Context:
    """The present moment and real chance, as a cycle has them; the target is not asked."""
    return Context(now=runtime.now(), new_guid=lambda: str(runtime.new_id()), random=runtime.chance())

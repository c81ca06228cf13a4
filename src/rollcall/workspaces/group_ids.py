"""Lists of group ids as administrators type them: object ids of Entra, or what another provider calls its groups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rollcall.workspaces.list_entries import Entries, EntryFault, read_entries

MOST_ENTRIES = 200
MOST_CHARACTERS = 4_000
LONGEST_ENTRY = 255

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CODE = "group_id_invalid"


def normal_guid(text: str) -> str | None:
    """A GUID in small letters with hyphens and without braces, None for anything else."""
    text = text.strip().lower()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    return text if _GUID.fullmatch(text) else None


def read_group_ids(typed: str, *, guids: bool) -> Entries:
    """The ids of a list; with `guids` each must be a GUID, as the object ids of Entra are.

    Else an entry is any text of up to 255 characters, which is compared exactly.
    """
    normal = _guid if guids else _opaque
    return read_entries(typed, normal, _CODE, most=MOST_ENTRIES, longest=MOST_CHARACTERS)


def offer_ids(entries: Entries, named: Mapping[str, Sequence[str]]) -> Entries:
    """The entries with an id offered for each that is the display name of exactly one group.

    `named`: external ids of groups by the text of an entry that is their display name.
    """
    return replace(entries, faults=tuple(_with_offer(fault, named) for fault in entries.faults))


def _with_offer(fault: EntryFault, named: Mapping[str, Sequence[str]]) -> EntryFault:
    ids = named.get(fault.text, ()) if fault.code == _CODE and fault.text is not None else ()
    if len(ids) != 1:
        return fault
    message = f"Entry {fault.number} is the name of a group, and names change. Use its object ID: {ids[0]}"
    return replace(fault, message=message, offered=ids[0])


def _guid(entry: str) -> str:
    found = normal_guid(entry)
    if found is None:
        raise ValueError(
            "is no object ID. One looks like 0f1e2d3c-0000-4000-8000-5b6a79880000; copy it from the group."
        )
    return found


def _opaque(entry: str) -> str:
    if len(entry) > LONGEST_ENTRY:
        raise ValueError(f"has {len(entry)} characters; {LONGEST_ENTRY} are the most.")
    if not entry.isprintable():
        raise ValueError("has a character that can't be seen. Type it instead of copying it.")
    return entry

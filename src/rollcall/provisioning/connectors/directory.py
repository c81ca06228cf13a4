"""The directory as a source: its feed, in the attribute names that Entra's mappings use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rollcall.db import TenantDatabase
from rollcall.directory.feed import feed, left_out_groups, present, ties_of_group
from rollcall.provisioning.connectors.contract import SourcePage
from rollcall.provisioning.model import Entry, Json, Key, LeftOut, NestedGroups, ReferenceKey, Tie

# Names by which Entra's mappings know what Graph calls otherwise.
_NAMES = {
    "id": "objectId",
    "mobilePhone": "mobile",
    "faxNumber": "facsimileTelephoneNumber",
    "officeLocation": "physicalDeliveryOfficeName",
}


class DirectorySource:
    """What one application may see of the directory; `nested` says whom an assigned group stands for."""

    def __init__(self, db: TenantDatabase, service_principal_id: UUID, nested: NestedGroups = "direct") -> None:
        self._db = db
        self._service_principal_id = service_principal_id
        self._nested: NestedGroups = nested

    async def changes(self, watermark: dict[str, Any] | None, limit: int) -> SourcePage:
        # The engine compares the members of every group anyway when it reads everything.
        page = await self._db.read(
            feed, self._service_principal_id, watermark, limit, full_with_ties=False, nested=self._nested
        )
        return SourcePage(
            entries=[_entry(entry) for entry in page.entries],
            ties=[_tie(tie.group_id, Key(tie.member_kind, tie.member_id), tie.present) for tie in page.ties],
            watermark=page.watermark,
            more=page.more,
            full=page.full,
            total=page.total,
        )

    async def fetch(self, keys: Sequence[Key]) -> Sequence[Entry]:
        refs: list[Any] = [(key.kind, key.id) for key in keys]
        found = await self._db.read(present, self._service_principal_id, refs, self._nested)
        return [_entry(entry) for entry in found]

    async def members(self, group_id: str, after: str | None, limit: int) -> Sequence[Key]:
        ties = await self._db.read(ties_of_group, group_id, after=after, limit=limit, nested=self._nested)
        return [Key(tie.member_kind, tie.member_id) for tie in ties]

    async def left_out(self, inside: UUID | None = None) -> list[LeftOut]:
        """Groups inside assigned groups, or this one, that are passed over because only direct members count (rule S2)."""
        if self._nested != "direct":
            return []
        return [
            LeftOut(
                Key("Group", each.id),
                each.display_name,
                Key("Group", each.inside_id),
                each.inside_display_name,
                each.people,
                each.or_more,
            )
            for each in await self._db.read(left_out_groups, self._service_principal_id, inside=inside)
        ]


def _entry(entry: Any) -> Entry:
    return Entry(
        Key(entry.kind, entry.id),
        entry.state,
        named(entry.attributes),
        entry.assigned,
        tuple(entry.assigned_by),
        tuple(entry.roles),
        entry.changed_at,
    )


def _tie(group_id: str, member: Key, is_present: bool) -> Tie:
    return Tie(ReferenceKey(Key("Group", group_id), "members", member), is_present)


def named(attributes: Mapping[str, Json]) -> dict[str, Json]:
    """The attributes under their Graph names and, where mappings know another, under that too (`source_schema`).

    A guest's `userPrincipalName` is the name they have at home (rule M11).
    """
    named = dict(attributes)
    for graph, mapped in _NAMES.items():
        if graph in attributes:
            named[mapped] = attributes[graph]
    phones = attributes.get("businessPhones")
    if phones:
        named["telephoneNumber"] = phones[0]
    for name, value in (named.pop("onPremisesExtensionAttributes", None) or {}).items():
        named[name] = named[f"onPremisesExtensionAttributes.{name}"] = value
    if "userPrincipalName" in attributes:
        named["originalUserPrincipalName"] = attributes["userPrincipalName"]
        named["userPrincipalName"] = _name_at_home(attributes["userPrincipalName"])
    return named


def _name_at_home(user_principal_name: str) -> str:
    """`ada_fabrikam.example#EXT#@contoso.example` → `ada@fabrikam.example`; other names as they are (rule M11)."""
    written, mark, _ = user_principal_name.partition("#EXT#")
    name, underscore, domain = written.rpartition("_")
    return f"{name}@{domain}" if mark and underscore else user_principal_name

"""Between a SCIM resource and its row: what is stored, what is computed, and the form in which filters compare it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.scim.attribute import Resource, ResourceType
from rollcall.scim.core_schemas import ENTERPRISE_USER_URN
from rollcall.scim.error import ScimError, invalid_value
from rollcall.scim.resource import schemas_of, version_tag
from rollcall.workspaces.comparison import folded_resource
from rollcall.workspaces.model import parse_id

# Computed when it is read, or (password) not kept at all: people sign in through their identity provider.
_NOT_STORED = frozenset({"schemas", "id", "meta", "groups", "members", "password"})
# PostgreSQL refuses an index entry of over 2,704 bytes (a third of a page); tenant id and headers take some of it.
# Folding can make a text three times as long, so both forms are measured.
_KEY_BYTES = 1024


def stored_form(resource: Resource, resource_type: ResourceType) -> Resource:
    """What is kept of a checked resource: all but id, meta, groups, members, password, and of the manager only its id."""
    kept = {name: value for name, value in resource.items() if name not in _NOT_STORED}
    enterprise = kept.get(ENTERPRISE_USER_URN)
    if enterprise is not None and "manager" in enterprise:
        rest = {name: value for name, value in enterprise.items() if name != "manager"}
        manager = enterprise["manager"].get("value")
        if manager:
            rest["manager"] = {"value": manager}
        kept[ENTERPRISE_USER_URN] = rest
        if not rest:
            del kept[ENTERPRISE_USER_URN]
    core, *extensions = schemas_of(kept, resource_type)
    kept["schemas"] = [core, *sorted(extensions)]  # in an order of their own: jsonb keeps no order of keys
    return kept


def without_manager(stored: Resource, resource_type: ResourceType) -> Resource:
    """The stored form of a user whose manager is gone."""
    rest = {name: value for name, value in stored[ENTERPRISE_USER_URN].items() if name != "manager"}
    return stored_form({**stored, ENTERPRISE_USER_URN: rest} if rest else _without(stored), resource_type)


def manager_id(stored: Resource) -> UUID | None:
    """The id of the manager, None without one. Raises ScimError invalidValue when it can't be an id of ours."""
    value = stored.get(ENTERPRISE_USER_URN, {}).get("manager", {}).get("value")
    if value is None:
        return None
    found = parse_id(value)
    if found is None:
        raise unknown_manager(value)
    return found


def unknown_manager(value: str) -> ScimError:
    """The refusal of a manager who is no user of the organisation."""
    return invalid_value(
        f"manager.value {value[:100]!r} is not the id of a user here. Create the manager first, then refer to the id."
    )


def to_milliseconds(moment: datetime) -> datetime:
    """`moment` cut to milliseconds: what is stored is what is shown, so that a filter finds it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def user_columns(stored: Resource, resource_type: ResourceType) -> dict[str, Any]:
    """The columns that follow from a user's stored form.

    Raises ScimError invalidValue for an impossible manager, and for a userName or externalId that is too long.
    """
    folded = folded_resource(stored, resource_type)
    _check_keys(stored, folded, "userName", "externalId")
    return {
        "user_name_folded": folded["userName"],
        "external_id": stored.get("externalId"),
        "display_name": stored.get("displayName"),
        "active": stored.get("active"),
        "manager_id": manager_id(stored),
        "resource": Jsonb(stored),
        "folded": Jsonb(folded),
    }


def group_columns(stored: Resource, resource_type: ResourceType) -> dict[str, Any]:
    """The columns that follow from a group's stored form. Raises ScimError invalidValue for a name that is too long."""
    folded = folded_resource(stored, resource_type)
    _check_keys(stored, folded, "displayName", "externalId")
    return {
        "display_name": stored["displayName"],
        "display_name_folded": folded["displayName"],
        "external_id": stored.get("externalId"),
        "resource": Jsonb(stored),
        "folded": Jsonb(folded),
    }


def _check_keys(stored: Resource, folded: Resource, *attributes: str) -> None:
    """Refuse what no index takes: the attributes by which accounts and groups are found."""
    for attribute in attributes:
        size = max(len(form.get(attribute, "").encode()) for form in (stored, folded))
        if size > _KEY_BYTES:
            raise invalid_value(
                f"{attribute} has {size} bytes of UTF-8, and must not have more than {_KEY_BYTES}. Send a shorter one."
            )


def user_resource(row: dict[str, Any]) -> Resource:
    """The user of a row with the columns resource, id, version, created, modified, manager_id, manager_name and,
    where asked for, groups.
    """
    resource = _with_common(row, "User")
    if row["manager_id"] is not None:
        manager = {"value": str(row["manager_id"])}
        if row["manager_name"] is not None:
            manager["displayName"] = row["manager_name"]
        resource[ENTERPRISE_USER_URN] = {**resource[ENTERPRISE_USER_URN], "manager": manager}
    if row.get("groups"):
        resource["groups"] = row["groups"]
    return resource


def group_resource(row: dict[str, Any]) -> Resource:
    """The group of a row with the columns resource, id, version, created, modified and, where asked for, members."""
    resource = _with_common(row, "Group")
    if row.get("members"):
        resource["members"] = row["members"]
    return resource


def _with_common(row: dict[str, Any], resource_type: str) -> Resource:
    stored: Resource = row["resource"]
    return {
        "schemas": stored["schemas"],
        "id": str(row["id"]),
        **stored,
        "meta": {
            "resourceType": resource_type,
            "created": _instant_text(row["created"]),
            "lastModified": _instant_text(row["modified"]),
            "version": version_tag(row["version"]),
        },
    }


def _instant_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without(stored: Resource) -> Resource:
    return {name: value for name, value in stored.items() if name != ENTERPRISE_USER_URN}

"""Application roles as elements of the target's roles (rules S4, S10 and the role functions of 4.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollcall.provisioning.model import Entry, ObjectMapping, Operation, PatchOperation
from rollcall.provisioning.planning import plan_item
from rollcall.provisioning.roles import DEFAULT_ACCESS
from rollcall.provisioning.target_schema import build_resource
from tests.unit.provisioning.builders import ADA, SETTINGS, computed, entry, item, linked, users, wanted

DEFAULT = {"id": DEFAULT_ACCESS, "displayName": "Default Access", "value": None}
ADMIN = {"id": "1", "displayName": "Administrator", "value": "Admin"}
READER = {"id": "2", "displayName": "Reader", "value": None}
TYPE = "WindowsAzureActiveDirectoryRole"
SINGLE = users(computed("SingleAppRoleAssignment([appRoleAssignments])", "roles"))
COMPLEX = users(computed("AppRoleAssignmentsComplex([appRoleAssignments])", "roles"))
ASSERTIVE = users(computed("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", "roles"))


def with_roles(*roles: dict[str, Any]) -> Entry:
    return replace(entry(), roles=roles)


def created(mapping: ObjectMapping, *roles: dict[str, Any]) -> Any:
    return build_resource("User", wanted(with_roles(*roles), mapping).values).get("roles")


def patched(mapping: ObjectMapping, before: Any, *roles: dict[str, Any], read: bool = False) -> Any:
    """The PATCH of somebody whose target holds these roles, and why there is none."""
    link = linked(ADA, "t1", userName="ada@example.org", roles=before)
    planned = plan_item(item(with_roles(*roles), link, mapping=mapping, present=link.sent if read else None), SETTINGS)
    return planned.patch if isinstance(planned, Operation) else planned.code


def shown(value: str, name: str, **more: Any) -> dict[str, Any]:
    """A role as a target shows it."""
    return {"value": value, "display": name, "type": TYPE, **more}


def test_each_function_creates_its_roles() -> None:
    """4.2 SingleAppRoleAssignment, 4.2 AppRoleAssignmentsComplex, 4.2 AssertiveAppRoleAssignmentsComplex: in plain SCIM."""
    assert created(SINGLE, ADMIN) == [{"primary": True, **shown("Admin", "Administrator")}]
    for mapping in (COMPLEX, ASSERTIVE):
        assert created(mapping, ADMIN, READER) == [
            {"primary": False, **shown("Admin", "Administrator")},
            {"primary": False, **shown("Reader", "Reader")},
        ]


def test_of_several_roles_single_takes_the_first_of_the_applications_list() -> None:
    """4.2 SingleAppRoleAssignment: Entra leaves the choice undefined."""
    assert created(SINGLE, READER, ADMIN) == [{"primary": True, **shown("Reader", "Reader")}]


@pytest.mark.parametrize("mapping", [SINGLE, COMPLEX, ASSERTIVE])
def test_default_access_is_no_role(mapping: ObjectMapping) -> None:
    """S4."""
    assert created(mapping, DEFAULT) is None
    assert len(created(mapping, DEFAULT, ADMIN)) == 1


def test_a_role_may_go_into_a_value_path() -> None:
    """A10: roles[primary eq "True"].value."""
    mapping = users(computed("SingleAppRoleAssignment([appRoleAssignments])", 'roles[primary eq "True"].value'))

    assert created(mapping, ADMIN) == [{"primary": True, "value": "Admin"}]


def test_complex_roles_are_only_added() -> None:
    """4.2 AppRoleAssignmentsComplex."""
    before = [shown("Auditor", "Auditor"), shown("Reader", "Reader")]

    assert patched(COMPLEX, before, READER) == "RedundantExport"
    assert patched(COMPLEX, before, READER, ADMIN) == (
        PatchOperation("add", "roles", [{"primary": False, **shown("Admin", "Administrator")}]),
    )


def test_assertive_roles_replace_the_list_even_to_add_one() -> None:
    """4.2 AssertiveAppRoleAssignmentsComplex: also what only the target knows goes."""
    before = [shown("Reader", "Reader")]

    assert patched(ASSERTIVE, before, READER) == "RedundantExport"
    for held in (before, [shown("Auditor", "Auditor")], None):
        assert patched(ASSERTIVE, held, READER, ADMIN) == (
            PatchOperation(
                "replace",
                "roles",
                [
                    {"primary": False, **shown("Reader", "Reader")},
                    {"primary": False, **shown("Admin", "Administrator")},
                ],
            ),
        )


def test_what_was_sent_and_what_the_target_shows_of_it_are_the_same_roles() -> None:
    """A15: ids and the unspoken primary make no difference, nor does the order."""
    sent = wanted(with_roles(ADMIN, READER), ASSERTIVE).values["roles"]

    assert patched(ASSERTIVE, sent, READER, ADMIN) == "RedundantExport"
    assert patched(
        ASSERTIVE, [shown("reader", "READER"), shown("Admin", "Administrator")], ADMIN, READER, read=True
    ) == ("RedundantExport")


def test_another_single_role_replaces_the_one_before() -> None:
    assert patched(SINGLE, wanted(with_roles(READER), SINGLE).values["roles"], ADMIN) == (
        PatchOperation("replace", "roles", [{"primary": True, **shown("Admin", "Administrator")}]),
    )


def test_the_last_role_stays_unless_the_mapping_clears() -> None:
    """A5: no role is null."""
    clearing = users(
        computed("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", "roles", clear_when_null=True)
    )

    assert patched(ASSERTIVE, [shown("Admin", "A")], DEFAULT) == "RedundantExport"
    assert patched(clearing, [shown("Admin", "A")], DEFAULT) == (PatchOperation("remove", "roles"),)

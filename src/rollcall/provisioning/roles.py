"""The application roles a user is assigned in, as elements of the target's `roles` (Entra's role functions, §4.2).

An element that comes out of a role function carries what every request profile needs: the role's id, and its name as
`displayName`, or as `display` where the list is asserted as a whole. What RFC 7643 knows of it goes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rollcall.provisioning.functions_values import ROLE_TYPE
from rollcall.provisioning.model import Json

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
ROLE_FUNCTIONS = frozenset(
    {"SingleAppRoleAssignment", "AppRoleAssignmentsComplex", "AssertiveAppRoleAssignmentsComplex"}
)


def app_role_assignments(roles: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """The source attribute `appRoleAssignments`: the roles in the application's order; default access is none of them."""
    return [role for role in roles if role.get("id") != DEFAULT_ACCESS]


def role_elements(function: str, assignments: Json) -> list[dict[str, Json]]:
    """The elements that a role function makes of `appRoleAssignments`; Single takes the first of the application's list.

    A role without a value goes by its name.
    """
    roles = [role for role in assignments or () if isinstance(role, Mapping)]
    if function == "SingleAppRoleAssignment":
        roles = roles[:1]
    name = "display" if function == "AssertiveAppRoleAssignmentsComplex" else "displayName"
    return [
        {
            "primary": function == "SingleAppRoleAssignment",
            "type": ROLE_TYPE,
            "id": role.get("id"),
            "value": role.get("value") or role.get("displayName"),
            name: role.get("displayName"),
        }
        for role in roles
    ]


def is_asserted(value: Json) -> bool:
    """Whether the elements of a list are to replace the whole list, also what only the target knew."""
    return isinstance(value, list) and any(is_role(each) and "display" in each and "id" in each for each in value)


def is_role(element: Json) -> bool:
    """Whether an element came out of a role function."""
    return isinstance(element, Mapping) and element.get("type") == ROLE_TYPE


def wire_value(value: Json) -> Json:
    """A value as RFC 7643 has it: roles without what is only ours to know."""
    if isinstance(value, list):
        return [_wire_role(each) if is_role(each) else each for each in value]
    return value


def _wire_role(role: Mapping[str, Json]) -> dict[str, Json]:
    kept = {name: part for name, part in role.items() if name not in ("id", "displayName") and part is not None}
    name = role.get("display") or role.get("displayName")
    return kept if name is None else {**kept, "display": name}

"""What the profiles `entra` and `entra-aadOptscim062020` send, request by request, against Entra's own (rules C6, R4, 15.1 to 15.4).

Each vector is what leaves the engine: planned, exported and sent to a server that notes method, address, headers and
body. Vectors without a flag of their own hold for both profiles.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rollcall.provisioning.model import RequestProfile, Values
from rollcall.provisioning.roles import role_elements
from tests.golden.recording import TOKEN, Recording, Sent, recording

VECTORS = json.loads((Path(__file__).parent / "requests.json").read_text())
BY_NAME = {each["name"]: each for each in VECTORS["requests"]}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER = f"{ENTERPRISE}:manager"
MIRA, GROUP, BOSS, OTHER = "u-7f3a91c2", "g-4410bd77", "u-0c55e1aa", "u-9d20f6b3"
WORK = 'emails[type eq "work"].value'
GUIDS = ("3b1d2c60-7b7e-4f3f-9a55-1f2d3c4b5a69", "9f0c7d1e-2f41-4c67-8a8e-0c7a2d3e4f50")

NOT_CHOSEN = {
    "create-user-with-nulls": "An older example of the tutorial with explicit nulls and a misspelt schema; nulls are left out.",
    "set-manager-field": "The documented shape of the same request is sent (set-manager-doc).",
    "remove-members-noref": "The documented shape with $ref is sent (remove-members); this is the compatibility page's.",
}

Act = Callable[[Recording], Awaitable[Any]]

PERSON: Values = {
    "externalId": "mlind",
    "userName": "mira.lind@fabrikam.example",
    "active": True,
    "displayName": "Mira Lind",
}
FULL: Values = {
    **PERSON,
    'emails[type eq "work"].value': "mira.lind@fabrikam.example",
    'emails[type eq "work"].primary': True,
    "name.formatted": "Mira Lind",
    "name.familyName": "Lind",
    "name.givenName": "Mira",
    f"{ENTERPRISE}:department": "Logistics",
    f"{ENTERPRISE}:employeeNumber": "40117",
}
ROLE_IDS = ("0d7f7a52-6a4c-4d0a-8b1a-5e0b6f1c2d33", "0d7f7a52-6a4c-4d0a-8b1a-5e0b6f1c2d34")
ADMIN, USER_ROLE = (
    {"id": id_, "displayName": name, "value": name} for id_, name in zip(ROLE_IDS, ("Admin", "User"), strict=True)
)
PLANNER = {"id": ROLE_IDS[0], "value": "25", "displayName": "Planner"}
AUDITOR = {"id": ROLE_IDS[0], "value": "Auditor", "displayName": "Auditor"}
SINGLE, COMPLEX, ASSERTED = (
    "SingleAppRoleAssignment",
    "AppRoleAssignmentsComplex",
    "AssertiveAppRoleAssignmentsComplex",
)
SAND: Values = {
    "displayName": "Mira Sand",
    WORK: "mira.sand@fabrikam.example",
    "name.givenName": "Mira",
    "name.familyName": "Sand",
}


def asks(kind: str, attribute: str, value: str) -> Act:
    return lambda run: run.target.find(kind, attribute, value)


def reads(kind: str, target_id: str) -> Act:
    return lambda run: run.target.read(kind, target_id)


def makes(kind: str, values: Values) -> Act:
    return lambda run: run.export(kind, values, None)


def changes(values: Values, before: Values | None = None) -> Act:
    """A user comes to these values, from others where not told otherwise."""
    held = dict.fromkeys(values, "old") if before is None else before
    return lambda run: run.export("User", values, held, MIRA)


def refers(kind: str, target_id: str, attribute: str, **more: Any) -> Act:
    return lambda run: run.refer(kind, target_id, attribute, **more)


def checks(run: Recording) -> Awaitable[Any]:
    return run.target.test({"User": "userName", "Group": "displayName"})


ACTS: dict[str, Act] = {
    "test-connection": checks,
    "random-fetch-group": checks,
    "schema-discovery": lambda run: run.target.discover({}),
    "match-user-found": asks("User", "userName", "mira.lind@fabrikam.example"),
    "match-user-none": asks("User", "userName", "nobody@fabrikam.example"),
    "match-user-externalid": asks("User", "externalId", "mlind"),
    "match-user-work-email": asks("User", WORK, "mira.lind@fabrikam.example"),
    "match-user-second-precedence": asks("User", "externalId", "mlind"),
    "read-user-known": reads("User", MIRA),
    "read-user-gone": reads("User", "u-gone"),
    "create-user": makes("User", FULL),
    "create-user-custom-extension": makes(
        "User", {**FULL, "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User:costRegion": "N4"}
    ),
    "create-user-single-role": makes("User", {**PERSON, "roles": role_elements(SINGLE, [ADMIN])}),
    "patch-user-single-role": changes({"roles": role_elements(SINGLE, [PLANNER])}, {}),
    "create-user-roles-complex": makes("User", {**PERSON, "roles": role_elements(COMPLEX, [ADMIN, USER_ROLE])}),
    "patch-user-roles-complex": changes({"roles": role_elements(COMPLEX, [ADMIN, USER_ROLE])}, {}),
    "patch-user-roles-complex-flag": changes({"roles": role_elements(COMPLEX, [ADMIN, USER_ROLE])}, {}),
    "patch-user-roles-assertive": changes(
        {"roles": role_elements(ASSERTED, [USER_ROLE, AUDITOR])}, {"roles": role_elements(ASSERTED, [ADMIN])}
    ),
    "patch-user-single": changes({"userName": "mira.sand@fabrikam.example"}),
    "patch-user-filtered-path": changes({WORK: "mira.sand@fabrikam.example", "name.familyName": "Sand"}),
    "patch-user-many": changes({**SAND, "externalId": "msand", f"{ENTERPRISE}:employeeNumber": "40118"}),
    "patch-user-many-flag": changes({**SAND, f"{ENTERPRISE}:employeeNumber": "40118"}),
    "patch-user-add-string": changes({"nickName": "Mimi"}, {}),
    "patch-user-add-string-flag": changes({"nickName": "Mimi"}, {}),
    "disable-user": changes({"active": False}, {"active": True}),
    "disable-user-flag": changes({"active": False}, {"active": True}),
    "disable-user-add": changes({"active": False}, {}),
    "enable-user": changes({"active": True}, {"active": False}),
    "enable-user-flag": changes({"active": True}, {"active": False}),
    "check-manager": refers("User", MIRA, MANAGER, added=[BOSS]),
    "set-manager-doc": refers("User", MIRA, MANAGER, added=[BOSS]),
    "replace-manager-field": refers("User", MIRA, MANAGER, added=[OTHER], removed=[BOSS]),
    "clear-manager": refers("User", MIRA, MANAGER, removed=[BOSS]),
    "delete-user": lambda run: run.delete("User", MIRA),
    "match-group": asks("Group", "displayName", "Field Sales"),
    "match-group-none": asks("Group", "displayName", "No Such Group"),
    "read-group": reads("Group", GROUP),
    "create-group": makes(
        "Group", {"externalId": "5b0f7c1e-9d52-4a37-8c11-2f6f0f6f9a01", "displayName": "Field Sales"}
    ),
    "rename-group": lambda run: run.export("Group", {"displayName": "Field Sales North"}, {"displayName": "x"}, GROUP),
    "rename-group-flag": lambda run: run.export(
        "Group", {"displayName": "Field Sales North"}, {"displayName": "x"}, GROUP
    ),
    "add-members": refers("Group", GROUP, "members", added=[BOSS]),
    "add-members-flag": refers("Group", GROUP, "members", added=[BOSS, OTHER]),
    "remove-members": refers("Group", GROUP, "members", removed=[BOSS]),
    "remove-members-flag": refers("Group", GROUP, "members", removed=[BOSS]),
    "check-member": lambda run: run.target.refers("Group", GROUP, "members", BOSS),
    "delete-group": lambda run: run.delete("Group", GROUP),
    "throttled": changes({"displayName": "x"}, {"displayName": "y"}),
}


def profiles_of(vector: dict[str, Any]) -> tuple[RequestProfile, ...]:
    """The profiles that a vector holds for; the throttled request is in the form without the flag."""
    if vector["optscim"] is None and vector["name"] != "throttled":
        return ("entra", "entra-aadOptscim062020")
    return ("entra-aadOptscim062020",) if vector["optscim"] else ("entra",)


CASES = [(profile, name) for name in ACTS for profile in profiles_of(BY_NAME[name])]


def test_every_vector_is_sent_or_named_as_not_chosen() -> None:
    assert ACTS.keys() | NOT_CHOSEN.keys() == BY_NAME.keys()
    assert not ACTS.keys() & NOT_CHOSEN.keys()


@pytest.mark.parametrize(("profile", "name"), CASES, ids=[f"{name}-{profile}" for profile, name in CASES])
async def test_a_request_is_what_entra_sends(profile: RequestProfile, name: str) -> None:
    """C6, R4, 15.1, 15.2, 15.3, 15.4."""
    wanted = _wanted(BY_NAME[name]["request"])
    async with recording(profile, *GUIDS) as run:
        await ACTS[name](run)
        sent = [_shown(each, run.base) for each in run.taken()]

    if name == "create-user-custom-extension":
        # The documented creation carries an empty array of roles, this one, told in words, does not: the first is chosen.
        wanted["body"]["roles"] = []
    assert wanted in sent, sent


def _wanted(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": request["method"],
        "path": request["path"],
        "query": request.get("query_string_sent", ""),
        "headers": request["headers"],
        "body": request.get("body"),
    }


def _shown(sent: Sent, base: str) -> dict[str, Any]:
    """The request with the headers that the vectors name, at the address of the vectors."""
    named = ("Authorization", "Accept", "Content-Type")
    body = json.loads(json.dumps(sent.body).replace(base, VECTORS["base_url"]))
    headers = {name: sent.headers[name] for name in named if name in sent.headers}
    return {"method": sent.method, "path": sent.path, "query": sent.query, "headers": headers, "body": body}


@pytest.mark.parametrize("profile", ["entra", "entra-aadOptscim062020"])
async def test_a_manager_who_is_set_already_is_not_written(profile: RequestProfile) -> None:
    """R4: the question alone is sent."""
    async with recording(profile) as run:
        run.answers["GET"] = {"totalResults": 1, "Resources": [{"id": MIRA}]}
        await run.refer("User", MIRA, MANAGER, added=[BOSS])

        assert [each.method for each in run.taken()] == ["GET"]


@pytest.mark.parametrize(("profile", "value"), [("entra", "Admin"), ("entra-aadOptscim062020", "Admin")])
async def test_a_role_by_value_path_is_created_like_the_single_role(profile: RequestProfile, value: str) -> None:
    """A10, 15.1."""
    async with recording(profile) as run:
        await run.export("User", {**PERSON, 'roles[primary eq "True"].value': value}, None)

        assert run.taken()[0].body["roles"] == [
            {"primary": True, "type": "WindowsAzureActiveDirectoryRole", "value": value}
        ]


async def test_other_profiles_write_a_manager_without_asking() -> None:
    """R4 is left out: the answer would not change what is wanted."""
    async with recording("rfc") as run:
        await run.refer("User", MIRA, MANAGER, added=[BOSS])

        assert [each.method for each in run.taken()] == ["PATCH"]


def test_the_token_is_the_vectors_own() -> None:
    assert all(each["request"]["headers"]["Authorization"] == f"Bearer {TOKEN}" for each in VECTORS["requests"])

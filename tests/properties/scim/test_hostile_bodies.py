"""Whatever JSON comes in, it ends in a sound resource or in a 400, and never in an error of ours."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rollcall.scim.dialect import normalise_patch, normalise_query, normalise_resource
from rollcall.scim.error import ScimError
from rollcall.scim.membership import split_membership
from rollcall.scim.message import parse_patch, parse_search
from rollcall.scim.patch import apply
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER
from tests.properties.scim.strategies import CUSTOM_URN, outcome

PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_keys = st.sampled_from([
    "schemas", "id", "meta", "userName", "USERNAME", "name", "name.givenName", "givenName", "emails", "value", "type", "primary",
    "roles", "members", "manager", "department", "active", "$ref", "displayName", ENTERPRISE_USER_URN, CUSTOM_URN, "op", "path",
    "", ".", "urn:", ":", 'emails[type eq "work"].value', "emails[type eq", f"{ENTERPRISE_USER_URN}:manager", f"{CUSTOM_URN}:a",
])  # fmt: skip
_texts = _keys | st.sampled_from(
    ["True", "add", "Remove", '{"value":"x"}', '{"value":', "\x00", "\ud800", "2026-01-05T08:00:00Z"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)
_operations = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["Add", "replace", "Remove"])}, optional={"path": _texts, "value": _json}
    ),
    max_size=3,
)
_objects = st.dictionaries(_keys, _json, max_size=6)


def _created(body: Any) -> Any:
    return check(normalise_resource(body, USER), USER, "create")


@given(_objects.map(lambda body: {"userName": "x"} | body) | _json)
@example({"userName": "x", ENTERPRISE_USER_URN: "text", "department": "x"})
@settings(max_examples=100, deadline=None)
def test_any_body_makes_a_sound_user_or_a_refusal(body: Any) -> None:
    made = outcome(_created, body)

    assert made.status == 400 if isinstance(made, ScimError) else check(made, USER, "create") == made


def _patched(body: Any) -> Any:
    user = check({"id": "u-1", "userName": "x", "emails": [{"value": "a", "type": "work"}]}, USER, "query")
    return apply(user, parse_patch(normalise_patch(body, USER)), USER)


def _regrouped(body: Any) -> Any:
    operations = parse_patch(normalise_patch(body, GROUP))
    return split_membership(operations), apply({"displayName": "x"}, operations, GROUP)


@given(_operations | _json)
@settings(max_examples=100, deadline=None)
def test_any_patch_body_makes_a_sound_user_or_a_refusal(operations: Any) -> None:
    body = {"schemas": [PATCH_URN], "Operations": operations}
    made = outcome(_patched, body)
    group = outcome(_regrouped, body)

    assert made.status == 400 if isinstance(made, ScimError) else check(made, USER, "create")["userName"]
    assert not isinstance(group, ScimError) or group.status == 400


@given(
    st.dictionaries(
        st.sampled_from(["filter", "sortBy", "startIndex", "count", "attributes", "excludedAttributes", "x"]), _json
    )
)
@settings(max_examples=100, deadline=None)
def test_any_search_is_a_query_or_a_refusal(query: dict[str, Any]) -> None:
    read = outcome(lambda: parse_search(normalise_query(query, USER)))

    assert not isinstance(read, ScimError) or read.status == 400

"""Applying and diffing are inverses, checking twice is checking once, and what was given stays untouched."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.scim.error import ScimError
from rollcall.scim.membership import MemberChanges, membership_changes
from rollcall.scim.message import parse_patch, patch_body
from rollcall.scim.patch import STRICT, Operation, OperationName, apply, diff
from rollcall.scim.path import Path
from rollcall.scim.resource import check, frozen
from rollcall.scim.schema import GROUP, USER
from tests.properties.scim.strategies import CUSTOM_URN, filters, groups, outcome, patch_paths, users

moderate = settings(max_examples=100, deadline=None)
Resource = dict[str, Any]

operation_names = st.sampled_from(["add", "remove", "replace"])


def unordered(resource: Resource) -> Resource:
    """The resource with multi-valued attributes and `schemas` as bags: their order means nothing."""
    bags = ("schemas", "emails", "phoneNumbers", "roles", "addresses", "members")
    return {name: Counter(map(frozen, value)) if name in bags else frozen(value) for name, value in resource.items()}


@given(users, users)
@moderate
def test_applying_the_difference_of_two_users_gives_the_second(before: Resource, after: Resource) -> None:
    assert unordered(apply(before, diff(before, after, USER), USER)) == unordered(after)


@given(users, users)
@moderate
def test_a_difference_needs_no_tolerance_and_survives_the_wire(before: Resource, after: Resource) -> None:
    operations = parse_patch(patch_body(diff(before, after, USER))) if diff(before, after, USER) else []

    assert unordered(apply(before, operations, USER, STRICT)) == unordered(after)


@given(groups, groups)
@moderate
def test_applying_the_difference_of_two_groups_gives_the_second(before: Resource, after: Resource) -> None:
    assert unordered(apply(before, diff(before, after, GROUP), GROUP)) == unordered(after)


@given(users)
@moderate
def test_nothing_differs_from_itself(user: Resource) -> None:
    assert diff(user, deepcopy(user), USER) == []


@given(users, st.randoms())
@moderate
def test_another_order_of_values_is_no_difference(user: Resource, random: Any) -> None:
    shuffled = deepcopy(user)
    for name in ("emails", "phoneNumbers", "roles", "addresses"):
        random.shuffle(shuffled.get(name, []))

    assert diff(user, shuffled, USER) == []


@given(users)
@moderate
def test_checking_what_was_checked_changes_nothing(user: Resource) -> None:
    assert check(user, USER, "create") == user
    assert check(user, USER, "query") == {name: value for name, value in user.items() if name != "password"}


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "type", "primary", "givenName", "emails", CUSTOM_URN, "id"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
_known_paths = st.builds(
    Path,
    st.sampled_from(
        ["emails", "name", "active", "userName", "roles", "manager", "groups", "id", "schemas", "password"]
    ),
    st.none() | st.sampled_from(["value", "type", "primary", "givenName", "$ref"]),
    st.none() | filters,
    st.none() | st.just(CUSTOM_URN),
)


@given(
    users, st.lists(st.builds(Operation, operation_names, st.none() | _known_paths | patch_paths, _values), max_size=4)
)
@settings(max_examples=100, deadline=None)
def test_any_patch_gives_a_sound_user_or_a_refusal_and_leaves_the_old_one_alone(
    user: Resource, operations: list[Operation]
) -> None:
    before = deepcopy(user)
    after = outcome(apply, user, operations, USER)

    assert user == before
    if isinstance(after, ScimError):
        assert after.status == 400
    else:
        assert check(after, USER, "create") == after


def _member_operation(op: OperationName, ids: list[str], form: int) -> Operation:
    value = [{"value": member} for member in ids]
    if op == "remove" and form == 0:
        return Operation("remove", Path("members"))
    return Operation(op, Path("members"), value)


@given(
    groups,
    st.lists(
        st.builds(_member_operation, operation_names, st.lists(st.sampled_from("abßİ"), max_size=3), st.integers(0, 3)),
        max_size=5,
    ),
)
@moderate
def test_changing_rows_of_members_is_the_same_as_patching_the_group(
    group: Resource, operations: list[Operation]
) -> None:
    changes = membership_changes(operations)

    assert isinstance(changes, MemberChanges)
    ids = {member["value"] for member in group.get("members", [])}
    rows = set(changes.add) if changes.replace_all else (ids - changes.remove) | set(changes.add)
    assert rows == {member["value"] for member in apply(group, operations, GROUP).get("members", [])}

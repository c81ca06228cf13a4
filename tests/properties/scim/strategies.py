"""Hypothesis strategies for paths, filters and checked resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from rollcall.scim.error import ScimError
from rollcall.scim.filter import Compare, Filter, Not, Present, ValuePath, conjunction, disjunction
from rollcall.scim.path import Path
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER

CUSTOM_URN = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"

names = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_-]{0,10}\Z").filter(lambda n: n.lower() != "not")
urns = st.sampled_from([None, ENTERPRISE_USER_URN, CUSTOM_URN, "urn:ietf:params:scim:schemas:core:2.0:User"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
plain_paths = st.builds(Path, names, st.none() | names | st.just("$ref"), st.none(), urns)
bare_paths = st.builds(Path, names, st.none(), st.none(), urns)
inner_paths = st.builds(Path, names)
literals = (
    texts
    | st.booleans()
    | st.none()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
)
operators = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])


def _trees(paths: st.SearchStrategy[Path], *more: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    leaf: st.SearchStrategy[Filter] = st.one_of(
        st.builds(Compare, paths, operators, literals), st.builds(Present, paths), *more
    )

    def grow(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(
            several.map(lambda parts: conjunction(*parts)),
            several.map(lambda parts: disjunction(*parts)),
            st.builds(Not, inner),
        )

    return st.recursive(leaf, grow, max_leaves=8)


inner_filters = _trees(inner_paths)
filters: st.SearchStrategy[Filter] = _trees(plain_paths, st.builds(ValuePath, bare_paths, inner_filters))
patch_paths = plain_paths | st.builds(Path, names, st.none() | names, inner_filters, urns)


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns, or the refusal that it raises."""
    try:
        return function(*arguments)
    except ScimError as refusal:
        return refusal


_short = st.text("aAbBßİ é@.", min_size=1, max_size=5)
_types = st.sampled_from(["work", "home", "other", "Work"])


def _complex(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


def _at_most_one_primary(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen = False
    result = []
    for value in values:
        result.append(value | {"primary": False} if seen and value.get("primary") is True else value)
        seen = seen or value.get("primary") is True
    return result


def _plural() -> st.SearchStrategy[list[dict[str, Any]]]:
    value = _complex(value=_short, type=_types, display=_short, primary=st.booleans())
    return st.lists(value, max_size=4).map(_at_most_one_primary)


_json = st.recursive(
    st.booleans() | st.integers(-5, 5) | _short,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_short, inner, max_size=2),
    max_leaves=4,
)
_user_parts: dict[str, st.SearchStrategy[Any]] = {
    "displayName": _short,
    "active": st.booleans(),
    "externalId": _short,
    "password": _short,
    "name": _complex(givenName=_short, familyName=_short, formatted=_short),
    "emails": _plural(),
    "phoneNumbers": _plural(),
    "roles": _plural(),
    "addresses": st.lists(_complex(type=_types, locality=_short, primary=st.booleans()), max_size=3).map(
        _at_most_one_primary
    ),
    ENTERPRISE_USER_URN: _complex(
        department=_short, employeeNumber=_short, manager=_complex(**{"value": _short, "$ref": _short})
    ),
    CUSTOM_URN: st.dictionaries(st.sampled_from(["costRegion", "desk", "tags"]), _json, max_size=3),
}
users = st.fixed_dictionaries({"userName": _short}, optional=_user_parts).map(lambda u: check(u, USER, "create"))
_members = st.lists(
    st.fixed_dictionaries({"value": _short}, optional={"type": st.sampled_from(["User", "Group"])}), max_size=5
)
groups = st.fixed_dictionaries({"displayName": _short}, optional={"members": _members, "externalId": _short}).map(
    lambda g: check(g, GROUP, "create")
)

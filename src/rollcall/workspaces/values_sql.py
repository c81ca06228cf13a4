"""Where the values of an attribute stand in the tables of accounts and groups, as SQL.

The row of the resource has the alias `r`. Text has collation C everywhere: it orders by code point, as in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from psycopg import sql
from psycopg.sql import SQL, Composable

from rollcall.scim.attribute import Attribute, Json, ResourceType
from rollcall.scim.core_schemas import ENTERPRISE_USER_URN
from rollcall.scim.path import Target

Kind = Literal["text", "id", "boolean", "number", "moment", "instant", "json"]
"""How a value is compared: `moment` is a time as ordered text, `instant` a timestamp, `json` a value of any type."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """At most one value: an expression that is null without it.

    `containing` gives the document that `r.folded` contains exactly when the value equals a given one.
    """

    expression: Composable
    kind: Kind
    containing: Callable[[Json], Json] | None = None


@dataclass(frozen=True, slots=True)
class Elements:
    """Any number of values: the expression over the rows of `source`."""

    source: Composable
    expression: Composable
    kind: Kind
    containing: Callable[[Json], Json] | None = None


Values = Scalar | Elements


@dataclass(frozen=True, slots=True)
class Complex:
    """Values with parts. With `source` there is one for each of its rows, else one if `present`."""

    part: Callable[[Attribute], Values]
    present: Composable
    source: Composable | None = None
    containing: Callable[[Json], Json] | None = None
    primary: Composable | None = None


class Parameters:
    """The values that go beside a statement, each under a name of its own."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: Any) -> Composable:
        """Note a value and return its placeholder."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return sql.Placeholder(name)


class Layout:
    """What stands where, for one resource type under one base URL."""

    def __init__(self, resource_type: ResourceType, base_url: str, parameters: Parameters) -> None:
        self.resource_type = resource_type
        self._base_url = base_url
        self._parameters = parameters

    def values(self, target: Target) -> Values | Complex:
        """Where the values of what a path names stand; a complex attribute as a whole is Complex."""
        attribute, sub = target.attribute, target.sub_attribute
        assert attribute is not None, "the caller resolved an attribute"
        if attribute.open:
            whole = self._open(target)
            return whole if sub is None else _open_part(whole, sub)
        if attribute.type != "complex":
            return self._simple(target.extension, attribute)
        found = self.complex(target)
        return found if sub is None else lifted(found, sub)

    def complex(self, target: Target) -> Complex:
        """Where the values of a complex attribute stand."""
        attribute = target.attribute
        assert attribute is not None, "the caller resolved an attribute"
        if target.extension is None:
            if attribute.name == "meta":
                return Complex(self._meta_part, SQL("true"))
            if attribute.name == "members" and self.resource_type.id == "Group":
                return Complex(self._member_part, SQL("true"), _MEMBERS)
            if attribute.name == "groups" and self.resource_type.id == "User":
                return Complex(self._group_part, SQL("true"), _GROUPS)
        elif target.extension == ENTERPRISE_USER_URN and attribute.name == "manager":
            return Complex(self._manager_part, SQL("r.manager_id is not null"))
        return _stored_complex(target.extension, attribute)

    def _simple(self, extension: str | None, attribute: Attribute) -> Values:
        if extension is None:
            column = _COLUMNS.get((self.resource_type.id, attribute.name)) or _COLUMNS.get(("", attribute.name))
            if column is not None:
                return column
        keys = (attribute.name,) if extension is None else (extension, attribute.name)
        if attribute.multi_valued:
            return Elements(
                SQL("jsonb_array_elements({}) as e(item)").format(_at(keys)),
                _typed(SQL("e.item"), (), attribute),
                _kind(attribute),
                lambda value: _nested(keys, [value]),
            )
        return Scalar(_typed(SQL("r.folded"), keys, attribute), _kind(attribute), lambda value: _nested(keys, value))

    def _open(self, target: Target) -> Elements:
        assert target.extension is not None, "only extensions are open"
        assert target.attribute is not None, "the caller resolved an attribute"
        value = _at((target.extension.lower(), target.attribute.name))
        return Elements(_listed(value, "e"), SQL("e.item"), "json")

    def _meta_part(self, sub: Attribute) -> Values:
        if sub.name == "created":
            return Scalar(SQL("r.created"), "instant")
        if sub.name == "lastModified":
            return Scalar(SQL("r.modified"), "instant")
        if sub.name == "version":
            return Scalar(SQL("""('W/"' || r.version || '"') collate "C" """), "text")
        if sub.name == "location":
            return Scalar(self._uri(SQL("r.id"), self.resource_type.endpoint), "text")
        return Scalar(SQL("{}::text").format(sql.Literal(self.resource_type.name)), "text")

    def _manager_part(self, sub: Attribute) -> Values:
        if sub.name == "value":
            return Scalar(SQL("r.manager_id"), "id")
        if sub.name == "$ref":
            return Scalar(self._uri(SQL("r.manager_id"), "/Users"), "text")
        return Scalar(SQL(f"""(select {_DISPLAY_NAME} from workspaces.users b
            where b.tenant_id = r.tenant_id and b.id = r.manager_id)"""), "text")  # fmt: skip

    def _member_part(self, sub: Attribute) -> Values:
        if sub.name == "value":
            return Scalar(SQL("m.member_id"), "id")
        if sub.name == "type":
            return Scalar(SQL("""lower(m.member_kind) collate "C" """), "text")
        if sub.name == "$ref":
            user, group = self._uri(SQL("m.member_id"), "/Users"), self._uri(SQL("m.member_id"), "/Groups")
            return Scalar(SQL("(case m.member_kind when 'User' then {} else {} end)").format(user, group), "text")
        return Scalar(SQL(f"""coalesce(
            (select {_DISPLAY_NAME} from workspaces.users b where b.tenant_id = m.tenant_id and b.id = m.member_id),
            (select g.display_name_folded from workspaces.groups g
             where g.tenant_id = m.tenant_id and g.id = m.member_id))"""), "text")  # fmt: skip

    def _group_part(self, sub: Attribute) -> Values:
        if sub.name == "value":
            return Scalar(SQL("m.group_id"), "id")
        if sub.name == "type":
            return Scalar(SQL("'direct'::text"), "text")
        if sub.name == "$ref":
            return Scalar(self._uri(SQL("m.group_id"), "/Groups"), "text")
        return Scalar(SQL("""(select g.display_name_folded from workspaces.groups g
            where g.tenant_id = m.tenant_id and g.id = m.group_id)"""), "text")  # fmt: skip

    def _uri(self, identifier: Composable, endpoint: str) -> Composable:
        base = self._parameters.add(f"{self._base_url}{endpoint}/")
        return SQL("""({}::text || {}::text) collate "C" """).format(base, identifier)


def lifted(whole: Complex, sub: Attribute) -> Values:
    """The values of one sub-attribute over all values of a complex attribute."""
    part = whole.part(sub)
    if whole.source is None:
        return part
    assert isinstance(part, Scalar), "sub-attributes are not multi-valued"
    containing = whole.containing
    if containing is None:
        return Elements(whole.source, part.expression, part.kind)
    return Elements(whole.source, part.expression, part.kind, lambda value: containing({sub.name: value}))


_DISPLAY_NAME = "(b.folded ->> 'displayName') collate \"C\""
_MEMBERS = SQL("(select * from workspaces.group_members x where x.tenant_id = r.tenant_id and x.group_id = r.id) as m")
_GROUPS = SQL("(select * from workspaces.group_members x where x.tenant_id = r.tenant_id and x.member_id = r.id) as m")
_COLUMNS: dict[tuple[str, str], Scalar] = {
    ("", "id"): Scalar(SQL("r.id"), "id"),
    ("", "externalId"): Scalar(SQL("r.external_id"), "text"),
    ("User", "userName"): Scalar(SQL("r.user_name_folded"), "text"),
    ("User", "active"): Scalar(SQL("r.active"), "boolean"),
    ("Group", "displayName"): Scalar(SQL("r.display_name_folded"), "text"),
}


def _stored_complex(extension: str | None, attribute: Attribute) -> Complex:
    keys = (attribute.name,) if extension is None else (extension, attribute.name)
    if attribute.multi_valued:
        return Complex(
            lambda sub: Scalar(_typed(SQL("e.item"), (sub.name,), sub), _kind(sub)),
            SQL("e.item <> '{}'"),
            SQL("jsonb_array_elements({}) with ordinality as e(item, position)").format(_at(keys)),
            lambda value: _nested(keys, [value]),
            SQL("(e.item -> 'primary' = 'true') is true desc, e.position"),
        )
    return Complex(
        lambda sub: Scalar(
            _typed(SQL("r.folded"), (*keys, sub.name), sub),
            _kind(sub),
            lambda value: _nested((*keys, sub.name), value),
        ),
        SQL("{} <> '{{}}'").format(_at(keys)),
        containing=lambda value: _nested(keys, value),
    )


def _open_part(whole: Elements, sub: Attribute) -> Elements:
    inner = _listed(SQL("{} -> {}").format(whole.expression, sql.Literal(sub.name)), "f")
    return Elements(SQL("{} cross join lateral {}").format(whole.source, inner), SQL("f.item"), "json")


def open_complex(whole: Elements) -> Complex:
    """A value of an extension without schema, taken as one with parts."""

    def part(sub: Attribute) -> Values:
        return Elements(_listed(SQL("e.item -> {}").format(sql.Literal(sub.name)), "f"), SQL("f.item"), "json")

    return Complex(part, SQL("true"), whole.source)


def _listed(value: Composable, alias: Literal["e", "f"]) -> Composable:
    """The rows of a JSON value: its elements if it is an array, none without value or if it is null, else itself."""
    return SQL(
        "jsonb_array_elements(case when coalesce({0}, 'null') = 'null' then '[]'"
        " when jsonb_typeof({0}) = 'array' then {0} else jsonb_build_array({0}) end) as {1}(item)"
    ).format(value, sql.Identifier(alias))


def _at(keys: tuple[str, ...]) -> Composable:
    return SQL("(r.folded -> {})").format(SQL(" -> ").join(map(sql.Literal, keys)))


def _typed(document: Composable, keys: tuple[str, ...], attribute: Attribute) -> Composable:
    """The value under `keys` of a JSON document (the document itself without keys), in the type it is compared as."""
    steps = SQL(", ").join(map(sql.Literal, keys))
    text = SQL("({} #>> array[{}]::text[])").format(document, steps)
    if attribute.type == "boolean":
        return SQL("{}::boolean").format(text)
    if attribute.type in {"integer", "decimal"}:
        return SQL("{}::numeric").format(text)
    return SQL('({} collate "C")').format(text)


def _kind(attribute: Attribute) -> Kind:
    if attribute.type == "boolean":
        return "boolean"
    if attribute.type in {"integer", "decimal"}:
        return "number"
    return "moment" if attribute.type == "dateTime" else "text"


def _nested(keys: tuple[str, ...], value: Json) -> Json:
    for key in reversed(keys):
        value = {key: value}
    return value

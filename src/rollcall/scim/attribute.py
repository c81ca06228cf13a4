"""What RFC 7643 §7 says about an attribute, a schema and a resource type, as frozen values with compiled look-ups."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
Resource = dict[str, Any]

AttributeType = Literal["string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"]
Mutability = Literal["readOnly", "readWrite", "immutable", "writeOnly"]
Returned = Literal["always", "never", "default", "request"]
Uniqueness = Literal["none", "server", "global"]

CUSTOM_EXTENSION_PREFIX = "urn:ietf:params:scim:schemas:extension:"
_CUSTOM_EXTENSION = re.compile(r"urn:ietf:params:scim:schemas:extension:[A-Za-z0-9._~:-]{1,200}\Z", re.IGNORECASE)
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute or sub-attribute with every characteristic of RFC 7643 §7.

    `canonical_values` are suggestions: other values are kept as sent (RFC 7643 §7 lets a provider choose,
    and known clients send types of their own). `open` marks an attribute of an extension we have no schema
    for: its value is kept as it is, whatever it is. `shown_whole` says that no sub-attribute has a `returned`
    of its own that hides it.
    """

    name: str
    type: AttributeType = "string"
    multi_valued: bool = False
    description: str = ""
    required: bool = False
    canonical_values: tuple[str, ...] = ()
    case_exact: bool = False
    mutability: Mutability = "readWrite"
    returned: Returned = "default"
    uniqueness: Uniqueness = "none"
    sub_attributes: tuple[Attribute, ...] = ()
    reference_types: tuple[str, ...] = ()
    open: bool = False
    by_name: dict[str, Attribute] = field(init=False, repr=False, compare=False)
    required_names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    shown_whole: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain = all(a.returned in {"always", "default"} for a in self.sub_attributes)
        object.__setattr__(self, "shown_whole", plain)
        object.__setattr__(self, "by_name", _by_name(self.sub_attributes))
        object.__setattr__(self, "required_names", tuple(a.name for a in self.sub_attributes if a.required))

    def sub_attribute(self, name: str) -> Attribute | None:
        """The sub-attribute of that name in any case (RFC 7643 §2.1), or None."""
        return self.by_name.get(name) or self.by_name.get(name.lower())


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: its URN, its name and its attributes (RFC 7643 §7)."""

    id: str
    name: str
    description: str = ""
    attributes: tuple[Attribute, ...] = ()
    by_name: dict[str, Attribute] = field(init=False, repr=False, compare=False)
    required_names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", _by_name(self.attributes))
        object.__setattr__(self, "required_names", tuple(a.name for a in self.attributes if a.required))

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name in any case, or None."""
        return self.by_name.get(name) or self.by_name.get(name.lower())


@dataclass(frozen=True, slots=True)
class Extension:
    """A schema that extends a resource type, and whether each resource must carry it (RFC 7643 §6)."""

    schema: Schema
    required: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """A kind of resource: its endpoint, its core schema, its extensions (RFC 7643 §6). Compared and hashed by identity.

    `by_name` holds the common and the core attributes, under their name and under its lower-case form;
    `by_urn` holds the extensions' schemas, likewise.
    """

    id: str
    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Extension, ...] = ()
    by_name: dict[str, Attribute] = field(init=False, repr=False, compare=False)
    by_urn: dict[str, Schema] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_urn = {}
        for extension in self.extensions:
            by_urn[extension.schema.id] = by_urn[extension.schema.id.lower()] = extension.schema
        object.__setattr__(self, "by_name", _by_name(COMMON_ATTRIBUTES + self.schema.attributes))
        object.__setattr__(self, "by_urn", by_urn)

    def attribute(self, name: str) -> Attribute | None:
        """The common or core attribute of that name in any case, or None."""
        return self.by_name.get(name) or self.by_name.get(name.lower())

    def extension(self, urn: str) -> Schema | None:
        """The schema of the extension with that URN in any case, or None."""
        return self.by_urn.get(urn) or self.by_urn.get(urn.lower())


def is_custom_extension(urn: str) -> bool:
    """Whether the URN has the form of an extension that we keep without knowing its schema.

    A URN that ends in a version has no name, and could not be told from an attribute's path.
    """
    return _CUSTOM_EXTENSION.match(urn) is not None and _VERSION.match(urn.rpartition(":")[2]) is None


def names_custom_extension(urn: str) -> bool:
    """Whether a path is itself the URN of a custom extension (`…:2.0:User`), not that of an attribute in one."""
    head = urn.rpartition(":")[0].rpartition(":")[2]
    return is_custom_extension(urn) and _VERSION.match(head) is not None


def open_attribute(name: str) -> Attribute:
    """An attribute of an extension whose schema is not known: any JSON value, compared exactly."""
    return Attribute(name, case_exact=True, open=True)


def _by_name(attributes: tuple[Attribute, ...]) -> dict[str, Attribute]:
    table: dict[str, Attribute] = {}
    for attribute in attributes:
        table[attribute.name] = table[attribute.name.lower()] = attribute
    return table


# RFC 7643 §3 and §3.1: attributes of every resource; they stand in no schema document.
COMMON_ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("schemas", "reference", True, "URNs of the schemas that the resource uses.",
              required=True, case_exact=True, returned="always", reference_types=("uri",)),
    Attribute("id", description="Identifier given by the service provider, stable and never reused.",
              case_exact=True, mutability="readOnly", returned="always", uniqueness="server"),
    Attribute("externalId", description="Identifier given by the provisioning client.", case_exact=True),
    Attribute("meta", "complex", description="What the service provider knows about the resource.",
              mutability="readOnly", sub_attributes=(
        Attribute("resourceType", description="Name of the resource type.", case_exact=True, mutability="readOnly"),
        Attribute("created", "dateTime", description="When it was added.", mutability="readOnly"),
        Attribute("lastModified", "dateTime", description="When it was last changed.", mutability="readOnly"),
        Attribute("location", "reference", description="URI of the resource.", case_exact=True,
                  mutability="readOnly", reference_types=("uri",)),
        Attribute("version", description="Version, as in the ETag header.", case_exact=True, mutability="readOnly"),
    )),
)  # fmt: skip

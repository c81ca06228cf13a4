"""Target attribute paths of a synchronization schema: what each names, and what a mapping can't reach."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rollcall.provisioning.model import Json
from rollcall.provisioning.schema_findings import Findings, nearest, shown
from rollcall.provisioning.target_schema import REFERENCE_ATTRIBUTES
from rollcall.scim.attribute import Attribute, ResourceType
from rollcall.scim.error import ScimError
from rollcall.scim.path import Path, parse_path, resolve
from rollcall.scim.schema import GROUP, USER
from rollcall.scim.syntax import And, Compare, Filter

RESOURCE_TYPES: dict[str, ResourceType] = {"User": USER, "Group": GROUP}
_CUSTOM = re.compile(r"urn:ietf:params:scim:schemas:extension:[^:]+:2\.0:(User|Group):[^:.\[\]]+", re.IGNORECASE)
_CUSTOM_PATTERN = "urn:ietf:params:scim:schemas:extension:{Name}:2.0:User:{attribute}"
_THREE_PARTS = re.compile(r"[^\W\d][\w$-]*(\.[\w$-]+){2,}")
_NOT_OURS = {
    "id": "id is given by the target and can't be mapped (rule M10)",
    "schemas": "schemas follows from the other attributes and can't be mapped",
    "meta": "meta is kept by the target and can't be mapped",
}
_NOT_ENTRAS = frozenset(("entitlements", "photos"))


@dataclass(frozen=True, slots=True)
class TargetPath:
    """A target attribute path that was understood.

    `identity` is the same for every spelling of one place, `whole` that of the attribute it lies in; `path` is the
    spelling the engine knows. `attribute` is what the SCIM schemas say of the value, None where no schema knows it.
    """

    path: str
    identity: str
    whole: str
    attribute: Attribute | None
    is_reference: bool = False
    selects: bool = False


def read_target_path(kind: str, written: str, where: str, findings: Findings) -> TargetPath | None:
    """What the path of a mapping names; None, with a fault, for one that can't be mapped."""
    try:
        path = parse_path(written)
    except ScimError as error:
        bare = written.rpartition(":")[2]
        three = " A path has an attribute and one part of it, not three (rule A10)." if _THREE_PARTS.match(bare) else ""
        findings.fault(where, f"{error.detail}{three}")
        return None
    if path.schema is None and path.attribute.lower() in _NOT_OURS:
        findings.fault(where, f"{_NOT_OURS[path.attribute.lower()]}.")
        return None
    selected = _selected(path.value_filter, where, findings)
    if selected is None or not _leads_somewhere(kind, path, written, where, findings):
        return None
    named = resolve(path, RESOURCE_TYPES[kind])
    attribute = None if named is None else named.sub_attribute or named.attribute
    extension = (path.schema or "") if named is None else named.extension or ""
    holder = path.attribute if named is None or named.attribute is None else named.attribute.name
    whole = f"{extension}:{holder}".lower()
    filtered = f"[{' and '.join(selected)}]" if path.value_filter is not None else ""
    part = f".{path.sub_attribute}" if path.sub_attribute else ""
    spelling = f"{extension}:{holder}" if extension else holder
    refers = not filtered and not part and spelling in REFERENCE_ATTRIBUTES[kind]
    return TargetPath(
        written if not refers or written in REFERENCE_ATTRIBUTES[kind] else spelling,
        f"{whole}{filtered}{part}".lower(),
        whole,
        attribute,
        is_reference=refers,
        selects=bool(filtered),
    )


def identity_of(kind: str, written: str) -> str:
    """The identity of an attribute that the target's directory defines; whatever can't be read is only itself."""
    found = read_target_path(kind, written, "", Findings()) if written.lower() not in _NOT_OURS else None
    return found.identity if found else written.lower()


def _selected(value_filter: Filter | None, where: str, findings: Findings) -> list[str] | None:
    """The conditions of a value path in one order; None, with a fault, where no element could be made to fulfil them."""
    if value_filter is None:
        return []
    operands = value_filter.operands if isinstance(value_filter, And) else (value_filter,)
    conditions: dict[str, str] = {}
    for each in operands:
        if not isinstance(each, Compare) or each.op != "eq" or each.path.sub_attribute or each.path.schema:
            findings.fault(where, 'a value path selects by eq only, such as emails[type eq "work"].value (rule A10).')
            return None
        name = each.path.attribute.lower()
        if name in conditions:
            findings.fault(where, f"{each.path.attribute} stands twice in the value path (rule A10).")
            return None
        conditions[name] = f"{name} eq {_condition(each.value)}"
    return sorted(conditions.values())


def _condition(value: Json) -> str:
    return str(value).lower()  # roles[primary eq "True"] and roles[primary eq true] select the same


def _leads_somewhere(kind: str, path: Path, written: str, where: str, findings: Findings) -> bool:
    """Whether a mapping may end here; notes the faults, and warns of what no schema or not Entra knows."""
    resource_type = RESOURCE_TYPES[kind]
    named = resolve(path, resource_type)
    holder = resolve(Path(path.attribute, schema=path.schema), resource_type)
    if holder is not None and holder.attribute is None:
        findings.fault(where, f"{shown(written)} is a schema, not an attribute; add :attribute to it.")
        return False
    if holder is None or holder.attribute is None:
        _unknown(kind, path, written, where, findings)
        return True
    attribute = holder.attribute
    if path.value_filter is not None and not attribute.multi_valued and not attribute.open:
        findings.fault(where, f"{attribute.name} has one value, so nothing can be selected from it; leave out [ ].")
        return False
    if named is None:
        parts = tuple(part.name for part in attribute.sub_attributes)
        hint = f"it has {', '.join(parts)}." if parts else "it has no parts."
        findings.fault(where, f"{attribute.name} has no part {path.sub_attribute}; {hint}")
        return False
    if path.value_filter is not None and path.sub_attribute is None:
        findings.fault(where, f"an element of {attribute.name} is no single value; add .value or another part of it.")
        return False
    if attribute.name in _NOT_ENTRAS:
        findings.warn(where, f"Entra does not support {attribute.name} (rule A10); Rollcall sends it.")
    if attribute.open and not _CUSTOM.fullmatch(written):
        findings.warn(where, f"Entra sends a custom attribute only if it is named {_CUSTOM_PATTERN} (rule A9).")
    return True


def _unknown(kind: str, path: Path, written: str, where: str, findings: Findings) -> None:
    resource_type = RESOURCE_TYPES[kind]
    known = [attribute.name for attribute in resource_type.schema.attributes]
    for extension in resource_type.extensions:
        known += [f"{extension.schema.id}:{attribute.name}" for attribute in extension.schema.attributes]
    near = nearest(f"{path.schema}:{path.attribute}" if path.schema else path.attribute, known)
    hint = f" Did you mean {near}?" if near else ""
    findings.warn(
        where,
        f"no SCIM schema knows {shown(written)}, and Entra sends a custom attribute only if it is named {_CUSTOM_PATTERN} (rule A9).{hint}",
    )

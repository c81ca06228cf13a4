"""What of a resource is in an answer: `returned`, `attributes` and `excludedAttributes` (RFC 7644 §3.4.2.5, §3.9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType
from rollcall.scim.path import Path, resolve


@dataclass(frozen=True, slots=True)
class Projection:
    """The attributes asked for, or else those not wanted; one of the two is empty (RFC 7644 §3.9)."""

    attributes: tuple[Path, ...] = ()
    excluded: tuple[Path, ...] = ()

    def leaves_out(self, name: str, resource_type: ResourceType) -> bool:
        """Whether the core attribute `name` is not wanted at all, so that a store need not read it."""
        attribute = resource_type.attribute(name)
        if attribute is None or attribute.returned == "always":
            return attribute is None
        if self.attributes:
            wanted = _Selection(self.attributes, resource_type)
            return not wanted.has(None) and not wanted.has((None, attribute.name))
        return attribute.returned == "request" or _Selection(self.excluded, resource_type).has_whole(attribute.name)


EVERYTHING = Projection()


def project(resource: Resource, resource_type: ResourceType, projection: Projection = EVERYTHING) -> Resource:
    """The resource as it is answered: always/never/default/request against the projection; names of nothing are ignored."""
    return projector(resource_type, projection)(resource)


def projector(resource_type: ResourceType, projection: Projection) -> Callable[[Resource], Resource]:
    """`project` for many resources: the names of the projection are looked up once."""
    if not projection.attributes and not projection.excluded:
        return lambda resource: dict(_usual(resource, resource_type))
    chosen = _Selection(projection.attributes or projection.excluded, resource_type)
    including = bool(projection.attributes)

    def shown(resource: Resource) -> Resource:
        result: Resource = {}
        for name, value in resource.items():
            attribute = resource_type.by_name.get(name)
            if attribute is not None:
                kept = _keep(attribute, value, None, chosen, including)
            elif ":" in name:
                kept = _keep_extension(name, value, resource_type, chosen, including)
            else:
                kept = None
            if kept is not None:
                result[name] = kept
        return result

    return shown


class _Selection:
    """Projection paths, resolved: whole attributes and single sub-attributes, by extension URN and name."""

    def __init__(self, paths: Iterable[Path], resource_type: ResourceType) -> None:
        self._whole: set[tuple[str | None, str] | str | None] = set()
        self._parts: dict[tuple[str | None, str], set[str]] = {}
        for path in paths:
            target = resolve(path, resource_type)
            if target is None:
                continue
            urn = target.extension.lower() if target.extension else None
            if target.attribute is None:
                self._whole.add(urn)
            elif target.sub_attribute is None:
                self._whole.add((urn, _key(target.attribute)))
            else:
                self._parts.setdefault((urn, _key(target.attribute)), set()).add(_key(target.sub_attribute))

    def has(self, key: tuple[str | None, str] | str | None) -> bool:
        return key in self._whole or (isinstance(key, tuple) and (key in self._parts or self._has_lower(key)))

    def has_whole(self, name: str) -> bool:
        return None in self._whole or (None, name.lower()) in self._whole

    def whole(self, urn: str | None, attribute: Attribute) -> bool:
        return urn in self._whole or (urn, _key(attribute)) in self._whole

    def parts(self, urn: str | None, attribute: Attribute) -> set[str]:
        return self._parts.get((urn, _key(attribute)), set())

    def _has_lower(self, key: tuple[str | None, str]) -> bool:
        low = (key[0], key[1].lower())
        return low in self._whole or low in self._parts


def _key(attribute: Attribute) -> str:
    return attribute.name.lower()


def _usual(resource: Resource, resource_type: ResourceType) -> Iterable[tuple[str, Json]]:
    for name, value in resource.items():
        attribute = resource_type.by_name.get(name)
        if attribute is not None:
            if attribute.returned in {"always", "default"}:
                shown = value if attribute.shown_whole else _usual_parts(value, attribute)
                if shown is not None:
                    yield name, shown
        elif (schema := resource_type.by_urn.get(name)) is not None:
            kept = {
                inner: shown
                for inner, item in value.items()
                if (found := schema.by_name.get(inner)) is not None
                and found.returned in {"always", "default"}
                and (shown := item if found.shown_whole else _usual_parts(item, found)) is not None
            }
            if kept:
                yield name, kept
        elif ":" in name:
            yield name, value


def _keep_extension(
    urn: str, value: Resource, resource_type: ResourceType, chosen: _Selection, including: bool
) -> Resource | None:
    schema = resource_type.by_urn.get(urn)
    kept: Resource = {}
    for name, item in value.items():
        attribute = schema.by_name.get(name) if schema is not None else Attribute(name, open=True)
        if attribute is not None:
            inner = _keep(attribute, item, urn.lower(), chosen, including)
            if inner is not None:
                kept[name] = inner
    return kept or None


def _keep(attribute: Attribute, value: Json, urn: str | None, chosen: _Selection, including: bool) -> Json:
    if attribute.returned == "always":
        return value
    if attribute.returned == "never":
        return None
    whole, parts = chosen.whole(urn, attribute), chosen.parts(urn, attribute)
    if including:
        if whole:
            return (
                value if attribute.shown_whole else _parts(value, attribute, lambda n, r: r == "default" or n in parts)
            )
        return _parts(value, attribute, lambda name, _: name in parts) if parts else None
    if whole or attribute.returned == "request":
        return None
    if not parts and attribute.shown_whole:
        return value
    return _parts(value, attribute, lambda name, returned: returned == "default" and name not in parts)


def _usual_parts(value: Json, attribute: Attribute) -> Json:
    return _parts(value, attribute, lambda _, returned: returned == "default")


def _parts(value: Json, attribute: Attribute, wanted: Callable[[str, str], bool]) -> Json:
    """The value, or each of its values, with the parts that are always returned and those wanted, by name and `returned`."""
    if isinstance(value, list):
        kept = [part for item in value if (part := _parts(item, attribute, wanted)) is not None]
        return kept or None
    if not isinstance(value, dict):
        return value
    result = {}
    for name, item in value.items():
        sub = attribute.by_name.get(name)
        returned = "default" if sub is None else sub.returned
        if returned == "always" or (returned != "never" and wanted(name.lower(), returned)):
            result[name] = item
    return result or None

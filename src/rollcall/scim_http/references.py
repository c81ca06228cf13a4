"""Absolute addresses in what is served: `meta.location`, and the `$ref` of references to other resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rollcall.scim.schema import Attribute, Resource, ResourceType


@dataclass(frozen=True, slots=True)
class Reference:
    """An attribute that refers to resources: its name, the extension it is in, and the type it always refers to."""

    name: str
    extension: str | None
    always: str | None


class Locator:
    """Adds addresses to resources of the given types; what it gets it leaves as it was."""

    def __init__(self, resource_types: Sequence[ResourceType]) -> None:
        self._endpoints = {each.name: each.endpoint for each in resource_types}
        self._references = {each.name: self._references_of(each) for each in resource_types}

    def locate(self, resource: Resource, resource_type: ResourceType, base_url: str) -> Resource:
        """The resource with `meta.location`, and with `$ref` beside each `value` whose resource type is known."""
        located = dict(resource)
        location = f"{base_url}{resource_type.endpoint}/{quote(resource['id'], safe='')}"
        located["meta"] = {**resource["meta"], "location": location}
        for reference in self._references[resource_type.name]:
            holder = located
            if reference.extension is not None:
                if reference.extension not in located:
                    continue
                holder = located[reference.extension] = dict(located[reference.extension])
            value = holder.get(reference.name)
            if isinstance(value, list):
                holder[reference.name] = [self._refer(each, reference, base_url) for each in value]
            elif value is not None:
                holder[reference.name] = self._refer(value, reference, base_url)
        return located

    def _refer(self, value: Any, reference: Reference, base_url: str) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("value"), str):
            return value
        endpoint = self._endpoints.get(reference.always or value.get("type", ""))
        if endpoint is None:
            return value
        return {**value, "$ref": f"{base_url}{endpoint}/{quote(value['value'], safe='')}"}

    def _references_of(self, resource_type: ResourceType) -> tuple[Reference, ...]:
        places: list[tuple[str | None, Attribute]] = [(None, each) for each in resource_type.schema.attributes]
        for extension in resource_type.extensions:
            places += [(extension.schema.id, each) for each in extension.schema.attributes]
        found = ((attribute, urn, attribute.sub_attribute("$ref")) for urn, attribute in places)
        return tuple(
            Reference(attribute.name, urn, self._always(attribute, ref))
            for attribute, urn, ref in found
            if ref is not None
        )

    def _always(self, attribute: Attribute, ref: Attribute) -> str | None:
        # RFC 7643 §4.1.2: a user's groups are groups; their `type` says direct or indirect, not what they are.
        if attribute.name == "groups" and "Group" in self._endpoints:
            return "Group"
        types = [each for each in ref.reference_types if each in self._endpoints]
        return types[0] if len(ref.reference_types) == 1 and types else None

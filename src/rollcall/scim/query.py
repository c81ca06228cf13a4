"""What a list or search request asks for: filter, sort, page and projection (RFC 7644 §3.4.2, §3.4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rollcall.scim.attribute import Json
from rollcall.scim.error import invalid_path, invalid_syntax, invalid_value, too_many
from rollcall.scim.filter import Filter, parse_filter
from rollcall.scim.path import Path, parse_path
from rollcall.scim.projection import EVERYTHING, Projection

SEARCH_URN: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
MAX_ATTRIBUTES: Final = 200
MAX_INDEX: Final = 2**31 - 1

SortOrder = Literal["ascending", "descending"]


@dataclass(frozen=True, slots=True)
class Query:
    """A list request. `start_index` counts from 1; `count` is None if the caller leaves it to the provider."""

    filter: Filter | None = None
    sort_by: Path | None = None
    sort_order: SortOrder = "ascending"
    start_index: int = 1
    count: int | None = None
    projection: Projection = EVERYTHING


_NAMES: Final = {
    name.lower(): name
    for name in ("filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes", "schemas")
}


def parse_search(source: Mapping[str, Any]) -> Query:
    """The query in a /.search body or in the parameters of a GET (texts); names in any case, unknown ones ignored.

    startIndex below 1 is 1 and count below 0 is 0 (RFC 7644 §3.4.2.4). Raises invalidSyntax, invalidFilter,
    invalidPath, invalidValue.
    """
    given = _known(source)
    _check_schemas(given.get("schemas"))
    text = given.get("filter")
    if text is not None and not isinstance(text, str):
        raise invalid_value("filter must be text.")
    start_index, count = _integer(given, "startIndex"), _integer(given, "count")
    return Query(
        filter=parse_filter(text) if text else None,
        sort_by=_sort_by(given.get("sortBy")),
        sort_order=_sort_order(given.get("sortOrder")),
        start_index=max(1, start_index if start_index is not None else 1),
        count=None if count is None else max(0, count),
        projection=_projection(given),
    )


def parse_projection(source: Mapping[str, Any]) -> Projection:
    """The projection in the parameters of any request that answers with a resource; raises invalidValue, invalidPath.

    Asking for some and excluding others at once is refused: the RFC calls the two mutually exclusive.
    """
    return _projection(_known(source))


def _projection(given: Mapping[str, Any]) -> Projection:
    attributes, excluded = _paths(given, "attributes"), _paths(given, "excludedAttributes")
    if attributes and excluded:
        raise invalid_value("Give attributes or excludedAttributes, not both (RFC 7644 §3.9).")
    return Projection(attributes, excluded)


def _known(source: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(source, Mapping):
        raise invalid_syntax("The body must be a JSON object, a SearchRequest.")
    return {_NAMES[key.lower()]: value for key, value in source.items() if key.lower() in _NAMES and value is not None}


def _check_schemas(value: Json) -> None:
    if value is not None and (not isinstance(value, list) or SEARCH_URN not in value):
        raise invalid_syntax(f"schemas must hold {SEARCH_URN}.")


def _paths(given: Mapping[str, Any], name: str) -> tuple[Path, ...]:
    value = given.get(name)
    if value is None:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise invalid_value(f"{name} must be a list of attribute names.")
    if len(parts) > MAX_ATTRIBUTES:
        raise too_many(f"{name} may list {MAX_ATTRIBUTES} attributes at most.")
    return tuple(_plain(part.strip()) for part in parts if part.strip())


def _plain(text: str) -> Path:
    path = parse_path(text)
    if path.value_filter is not None:
        raise invalid_path(f"{text[:80]!r}: a filter in brackets has no meaning here; name the attribute.")
    return path


def _sort_by(value: Json) -> Path | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise invalid_value("sortBy must be the path of an attribute.")
    return _plain(value.strip())


def _sort_order(value: Json) -> SortOrder:
    if value in (None, ""):
        return "ascending"
    word = value.lower() if isinstance(value, str) else ""
    if word not in {"ascending", "descending"}:
        raise invalid_value('sortOrder must be "ascending" or "descending".')
    return "descending" if word == "descending" else "ascending"


def _integer(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        digits = value.strip()
        if digits.lstrip("+-").isdecimal() and digits.isascii() and len(digits) <= 20:
            try:
                value = int(digits)
            except ValueError:
                value = None
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_value(f"{name} must be a whole number.")
    return max(-1, min(value, MAX_INDEX))

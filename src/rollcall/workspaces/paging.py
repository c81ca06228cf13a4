"""Pages of lists by key: where one begins, what it shows, and which keys lead on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rollcall.scim.datatypes import fold

COUNTED_AT_MOST = 1_000
"""A count goes so far; beyond it a list says "more than"."""
PAGE = 50
SEPARATOR = "~"
"""Between the parts of a key that has several."""
_LAST = "\U0010ffff"
_LONGEST_KEY = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list. `newer` and `older` are the keys that the pages before and after it are asked for with."""

    items: Sequence[T]
    newer: str | None = None
    older: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list a page begins: behind a key, or before one; at the beginning without both."""

    after: str | None = None
    before: str | None = None

    @classmethod
    def asked(cls, after: str | None, before: str | None) -> Place:
        """A place out of an address that anybody may have written."""
        return cls(storable(after or "") or None, storable(before or "") or None)


BEGINNING = Place()


def storable(text: str) -> str:
    """Text without blanks around it and without the one character that no column takes."""
    return text.replace("\x00", "").strip()


def prefix(search: str) -> dict[str, Any]:
    """What a search for a beginning compares with: `begin` is included, `end` is not; `exact` as it was written."""
    begin = fold(search)[:_LONGEST_KEY]
    return {"begin": begin, "end": begin + _LAST, "exact": search}


def page_of(items: list[T], place: Place, limit: int, key: Callable[[T], str]) -> Page[T]:
    """A page out of one row more than it has, which says whether there is another page."""
    more = len(items) > limit
    items = items[:limit]
    if place.before is not None:
        items.reverse()
        return Page(items, key(items[0]) if more else None, key(items[-1]) if items else None)
    return Page(items, key(items[0]) if place.after and items else None, key(items[-1]) if more else None)

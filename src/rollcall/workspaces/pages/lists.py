"""What a list was asked for, as it stands in the address, and the addresses that lead on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from rollcall.errors import NotFound
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.paging import Page, Place, storable

_LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """`q` is what is searched for, `which` the chosen filter or empty, `place` where the page begins."""

    path: str
    q: str
    which: str
    place: Place

    @classmethod
    def of(cls, path: str, params: Mapping[str, str], which: Mapping[str, str] | None = None) -> Asked:
        """What an address asks for; a filter that is none of `which` is none."""
        chosen = params.get("show", "")
        return cls(
            path,
            storable(params.get("q", ""))[:_LONGEST_SEARCH],
            chosen if which and chosen in which else "",
            Place.asked(params.get("after"), params.get("before")),
        )

    def url(self, **changes: str | None) -> str:
        """The address of this list with other search, filter or place; the place is left out unless it is given."""
        values = {"q": self.q, "show": self.which, **changes}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{self.path}?{query}" if query else self.path

    def newer(self, page: Page[Any]) -> str | None:
        """The address of the page before this one."""
        return None if page.newer is None else self.url(before=page.newer)

    def older(self, page: Page[Any]) -> str | None:
        """The address of the page after this one."""
        return None if page.older is None else self.url(after=page.older)


def id_in(params: Mapping[str, str], name: str) -> UUID:
    """An id out of the path. Raises NotFound for what is none, as for one that nothing has."""
    found = parse_id(params[name])
    if found is None:
        raise NotFound("There is no such page, or it is not for you.")
    return found

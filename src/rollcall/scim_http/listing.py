"""How far a list that is read page by page has come, whatever the server does to its pages meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rollcall.scim_http.answer import Done, Reason, Unanswered


@dataclass(slots=True)
class Listing:
    """The state of one listing (RFC 7644 §3.4.2.4): ask from `start_index`, `take` the answer, until `complete`.

    It ends with every server: a page must bring something new, or cover ground that a shrinking list made us repeat.
    """

    start_index: int = 1
    complete: bool = False
    _seen: set[str] = field(default_factory=set)
    _furthest: int = 1
    _lowest_total: int | None = None

    def take(self, answer: Done) -> list[dict[str, Any]] | Unanswered:
        """The resources of this page that were not listed before, or why the listing can't go on."""
        page = _listed(answer.body)
        if page is None:
            return Unanswered(Reason.NOT_SCIM, answer.status, "The body is not a ListResponse.")
        resources, total = page
        new = {r["id"]: r for r in resources if isinstance(r.get("id"), str) and r["id"] not in self._seen}
        self._seen.update(new)
        after = self.start_index + len(resources)
        shrunk = 0 if self._lowest_total is None else max(0, self._lowest_total - total)
        self._lowest_total = total if self._lowest_total is None else min(self._lowest_total, total)
        if shrunk and self.start_index > 1:
            # Resources that left the list let later ones move up, past the place where we look: go back by so many.
            self._furthest = max(self._furthest, after)
            self.start_index = max(1, self.start_index - shrunk)
        elif after > total:
            self.complete = True
        elif not resources or (not new and after > self._furthest):
            return Unanswered(
                Reason.INCOMPLETE_LIST, answer.status, f"The server listed {len(self._seen)} of {total} resources."
            )
        else:
            self._furthest = max(self._furthest, after)
            self.start_index = after
        return list(new.values())


def _listed(body: dict[str, Any] | None) -> tuple[list[dict[str, Any]], int] | None:
    """Resources and totalResults of a ListResponse, or None when it is not one."""
    if body is None:
        return None
    total, resources = body.get("totalResults"), body.get("Resources")
    if not isinstance(total, int) or isinstance(total, bool):
        return None
    if resources is None:  # RFC 7644 §3.4.2: absent where there are none
        resources = []
    if not isinstance(resources, list) or not all(isinstance(resource, dict) for resource in resources):
        return None
    return resources, total

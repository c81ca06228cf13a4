"""One operation of a PATCH request, and the choices where the RFC and known clients part (RFC 7644 §3.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rollcall.scim.attribute import Json
from rollcall.scim.path import Path

OperationName = Literal["add", "remove", "replace"]


@dataclass(frozen=True, slots=True)
class Operation:
    """`op` at `path` (None: the resource itself) with `value`.

    A remove with a value takes away only the values listed; None is a remove without one.
    """

    op: OperationName
    path: Path | None = None
    value: Json = None


@dataclass(frozen=True, slots=True)
class PatchRules:
    """What a PATCH does where RFC 7644 says "noTarget" and known clients expect success.

    `create_missing`: a filtered path that selects nothing creates the value that the filter describes.
    `forgive_missing`: removing what is not there is no error.
    `remove_listed`: a remove may list in its value what to take away.
    """

    create_missing: bool
    forgive_missing: bool
    remove_listed: bool


# Entra's PATCH: "a filtered path that selects nothing must create the element (Add and Replace) with the type of
# the filter"; Remove of members carries a value list; a removal may be sent again after a lost answer.
ENTRA: Final = PatchRules(create_missing=True, forgive_missing=True, remove_listed=True)
STRICT: Final = PatchRules(create_missing=False, forgive_missing=False, remove_listed=False)

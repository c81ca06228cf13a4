"""Plan documents as this installation writes, signs and reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rollcall.crypto import same
from rollcall.provisioning.applying import Document
from rollcall.provisioning.connection import Service
from rollcall.provisioning.gate import Digest
from rollcall.provisioning.model import Json
from rollcall.provisioning.plan_comparison import Which
from rollcall.provisioning.plan_document import LISTS, PlanHead, canonical, sections, written
from rollcall.provisioning.plan_html import page
from rollcall.provisioning.plan_reading import ReadPlan, Stream, read_plan
from rollcall.provisioning.planned import PlannedCycle

_SIGNATURE = "hmac-sha256:"
_DIGEST_CHARACTERS = 32


def values_digest(service: Service) -> Digest:
    """Digests of values under this installation's key, so that hidden ones can't be found by trying."""

    def digest(content: bytes) -> str:
        signing = service.sealer.signature("provisioning.plans values")
        signing.update(content)
        return signing.hexdigest()[:_DIGEST_CHARACTERS]

    return digest


def document_lines(service: Service, planned: PlannedCycle, head: PlanHead) -> Iterator[bytes]:
    """A signed plan document, line by line."""
    signing = service.sealer.signature("provisioning.plans document")
    parts = sections(planned, head, values_digest(service))
    return written(parts, signing.update, lambda: _SIGNATURE + signing.hexdigest())


def document(service: Service, planned: PlannedCycle, head: PlanHead) -> dict[str, Any]:
    """The same document as one value."""
    signing = service.sealer.signature("provisioning.plans document")
    whole: dict[str, Any] = {}
    for name, value in sections(planned, head, values_digest(service)):
        whole[name] = list(value) if name in LISTS else value
        for each in whole[name] if name in LISTS else [value]:
            signing.update(canonical(name, each))
    return {**whole, "signature": _SIGNATURE + signing.hexdigest()}


def html_page(service: Service, planned: PlannedCycle, head: PlanHead) -> Iterator[str]:
    """The plan as a page of HTML, in pieces."""
    return page(sections(planned, head, values_digest(service)))


def read_document(service: Service, stream: Stream) -> ReadPlan:
    """The plan in a document of this installation. Raises Invalid for any other."""
    signing = service.sealer.signature("provisioning.plans document")

    def is_signature(signature: str) -> bool:
        return same(signature.encode(), (_SIGNATURE + signing.hexdigest()).encode())

    return read_plan(stream, values_digest(service), signing.update, is_signature)


def planned_objects(planned: PlannedCycle) -> Document:
    """The objects of a plan that was just made, as its document would have them."""

    def document(keys: set[Which]) -> Mapping[Which, Json]:
        return {
            (each.key, each.action): {
                "name": each.name,
                "changes": [{"attribute": path, "old": old, "new": new} for path, old, new in each.changes],
            }
            for each in planned.objects
            if (each.key, each.action) in keys
        }

    return document

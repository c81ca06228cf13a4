"""What a target can do, in words: each capability, how it is known, and what provisioning does because of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rollcall.provisioning.connectors.capabilities import Capabilities, Origin, unknown_attributes
from rollcall.provisioning.model import JobSettings, Json
from rollcall.provisioning.request_profile import PROFILES


@dataclass(frozen=True, slots=True)
class Capability:
    """One capability: its value, how it is known, and what is done because of it."""

    name: str
    value: Json
    origin: Origin
    effect: str


@dataclass(frozen=True, slots=True)
class CapabilityReport:
    """All capabilities of a job's target. `asked_at`: when it was last asked; `warnings`: what may not work."""

    profile: str
    asked_at: datetime | None
    capabilities: tuple[Capability, ...]
    warnings: tuple[str, ...]


def report(
    known: Capabilities, settings: JobSettings, mapped: Mapping[str, Iterable[str]], asked_at: datetime | None
) -> CapabilityReport:
    """The report; `mapped` are the job's target attributes by kind."""
    effects = _effects(known, settings)
    rows = tuple(Capability(name, getattr(known, name), known.origin(name), effect) for name, effect in effects.items())
    return CapabilityReport(settings.request_profile, asked_at, rows, tuple(_warnings(known, mapped)))


def _effects(known: Capabilities, settings: JobSettings) -> dict[str, str]:
    profile = PROFILES[settings.request_profile]
    as_always = f"The profile {profile.name} does as that client does, whatever the target offers."
    lists = profile.lists
    members = known.members_per_patch or settings.members_per_request
    return {
        "patch": as_always if not profile.adapts else _patch_effect(known),
        "filter": (
            "Resources are looked up by their matching attributes."
            if known.filter or not lists
            else "The target is listed whole to find resources, in every cycle that has to find some."
        ),
        "listing": (
            "Many look-ups are replaced by one listing where that takes fewer requests."
            if known.listing and lists
            else "The target is never listed."
        ),
        "excludes_members": (
            "Groups are read without their members."
            if known.excludes_members
            else "Members come with every group that is read; they are dropped."
        ),
        "etag": (
            "A PUT names the version it changes, so that nobody's change in between is lost."
            if known.etag
            else "A PUT takes the place of whatever is there."
        ),
        "bulk": as_always if not profile.adapts else _bulk_effect(known, settings),
        "members_per_patch": f"A group's members are sent up to {min(members, settings.members_per_request)} at a time.",
        "requests_per_second": _pace_effect(known.requests_per_second, settings.requests_per_second),
    }


def _pace_effect(learnt: float, most: float) -> str:
    told = f"No more than {most:g} requests a second are sent, as the job's settings say" if most else ""
    if learnt and (not most or learnt < most):
        return f"About {learnt:g} requests a second are sent, as the target's answers (429) have taught; more is tried now and then."
    return f"{told}." if told else "Requests are sent as fast as the target answers."


def _patch_effect(known: Capabilities) -> str:
    if known.patch:
        return "Changes are sent as PATCH."
    return "A resource is read, changed and put back whole, groups with all their members."


def _bulk_effect(known: Capabilities, settings: JobSettings) -> str:
    if not known.bulk:
        return "Operations are sent one by one."
    if not settings.bulk:
        return "Operations are sent one by one: the job's setting bulk is off."
    size = f" and {known.bulk_bytes:,} bytes" if known.bulk_bytes else ""
    return f"Up to {known.bulk_operations:,} operations{size} go out in one request."


def _warnings(known: Capabilities, mapped: Mapping[str, Iterable[str]]) -> Iterable[str]:
    for kind, paths in mapped.items():
        for path in unknown_attributes(known, kind, paths):
            yield f"{kind}: {path} is mapped, and the target's schemas do not name it. It is sent all the same."
    if not known.filter and not known.listing:
        yield "The target neither filters nor lists, so nothing that is there can be found."

"""Login, registration and SSO of workspaces as it is filled in: the defaults, and what a workspace has of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from rollcall.workspaces.access_model import ExtraPin
from rollcall.workspaces.domains import read_addresses_and_domains, read_domains
from rollcall.workspaces.group_ids import offer_ids
from rollcall.workspaces.settings.access_control import read_choice, typed_group_ids
from rollcall.workspaces.settings.typed import Typed
from rollcall.workspaces.sso.configuration import SsoConfiguration

LONGEST_TEXT = 1_000
LINK_VALIDITIES = {
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "1 week": timedelta(weeks=1),
    "1 month": timedelta(days=30),
}
_VALIDITY_WORDS = {each: each for each in LINK_VALIDITIES}
EXTRA_PINS = {"off": "off", "new_devices": "on new devices", "always": "always"}
UNLIMITED = 0
_MOST_USES = 100
_LEAST, _LONGEST, _LONGEST_RECHECK = timedelta(minutes=15), timedelta(days=30), timedelta(days=7)
_SPAN = re.compile(r"(\d{1,5}) *(min|minutes?|h|hours?|d|days?)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """How people come into a workspace. `link_uses`: 0 for unlimited."""

    links: bool = True
    login_text: str = ""
    registration: bool = False
    domains: tuple[str, ...] = ()
    sso: bool = False
    configuration: UUID | None = None
    group_ids: tuple[str, ...] = ()
    sso_required_for: tuple[str, ...] = ()
    creates_users: bool = False
    link_validity: timedelta = timedelta(days=1)
    link_uses: int = 1
    extra_pin: ExtraPin = ExtraPin.OFF
    idle: timedelta = timedelta(hours=12)
    absolute: timedelta = timedelta(days=7)
    recheck: timedelta = timedelta(days=1)


LABELS: Mapping[str, str] = {
    "links": "Users can login with emailed login links",
    "login_text": "Text on the login page",
    "registration": "Users can register",
    "domains": "Domains that can register",
    "sso": "Users can login using single sign-on",
    "configuration": "SSO configuration",
    "group_ids": "Limit to following user groups",
    "sso_required_for": "Require SSO for these addresses or domains",
    "creates_users": "Create users automatically",
    "link_validity": "Login link validity",
    "link_uses": "Login link uses",
    "extra_pin": "Extra PIN",
    "idle": "Session length, without a click",
    "absolute": "Session length, in all",
    "recheck": "Ask the provider again after",
}
"""The fields in the order of the page, each with its words."""
assert list(LABELS) == [each.name for each in fields(LoginSettings)], "every field has its words"


def effective(defaults: LoginSettings, own: LoginSettings, names: Collection[str]) -> LoginSettings:
    """What holds in a workspace: `own` in the fields `names`, the defaults in all others."""
    return replace(defaults, **{name: getattr(own, name) for name in names})


def read_login(
    values: Mapping[str, str],
    configurations: Mapping[UUID, SsoConfiguration],
    named: Mapping[str, tuple[str, ...]],
    *,
    only: Collection[str] = tuple(LABELS),
    base: LoginSettings | None = None,
) -> tuple[LoginSettings, Typed]:
    """What the fields say; of no use while there are faults.

    `only`: fields that are taken from `values`; the others are those of `base`, which nobody typed and nobody is
    blamed for by itself. `configurations`: all of the organisation. `named`: ids of groups by names typed in their place.
    """
    typed = Typed(values)
    base = base or LoginSettings()

    def taken(name: str, read: Callable[[], Any]) -> Any:
        return read() if name in only else getattr(base, name)

    sso = taken("sso", lambda: typed.is_checked("sso"))
    if "configuration" in only:
        chosen = read_choice(typed, configurations, required=sso)
        configuration = chosen.id if chosen else None
    else:
        chosen = configurations.get(base.configuration) if base.configuration else None
        configuration = base.configuration
        _check_inherited_choice(typed, chosen, sso=sso)
    settings = LoginSettings(
        links=taken("links", lambda: typed.is_checked("links")),
        login_text=taken("login_text", lambda: _login_text(typed)),
        registration=taken("registration", lambda: typed.is_checked("registration")),
        domains=taken("domains", lambda: typed.entries("domains", read_domains(typed.text("domains")))),
        sso=sso,
        configuration=configuration,
        group_ids=_group_ids(typed, values, chosen, named, base, typed_here="group_ids" in only),
        sso_required_for=taken(
            "sso_required_for",
            lambda: typed.entries("sso_required_for", read_addresses_and_domains(typed.text("sso_required_for"))),
        ),
        creates_users=taken("creates_users", lambda: typed.is_checked("creates_users")),
        link_validity=taken(
            "link_validity", lambda: LINK_VALIDITIES[typed.one_of("link_validity", _VALIDITY_WORDS, "1 day")]
        ),
        link_uses=taken("link_uses", lambda: _uses(typed)),
        extra_pin=taken("extra_pin", lambda: ExtraPin(typed.one_of("extra_pin", EXTRA_PINS, "off"))),
        idle=taken("idle", lambda: _span(typed, "idle", base.idle, _LONGEST)),
        absolute=taken("absolute", lambda: _span(typed, "absolute", base.absolute, _LONGEST)),
        recheck=taken("recheck", lambda: _span(typed, "recheck", base.recheck, _LONGEST_RECHECK)),
    )
    _check_together(typed, settings)
    return settings, typed


def unverified(entries: Iterable[str], verified: Collection[str]) -> tuple[str, ...]:
    """The entries whose domain the organisation has not proved to be its own."""
    return tuple(each for each in entries if each.rpartition("@")[2] not in verified)


def as_typed(settings: LoginSettings) -> dict[str, str]:
    """The settings as the fields of the page have them."""
    return {
        "links": "true" if settings.links else "",
        "login_text": settings.login_text,
        "registration": "true" if settings.registration else "",
        "domains": ", ".join(settings.domains),
        "sso": "true" if settings.sso else "",
        "configuration": str(settings.configuration or ""),
        "group_ids": ",\n".join(settings.group_ids),
        "sso_required_for": ", ".join(settings.sso_required_for),
        "creates_users": "true" if settings.creates_users else "",
        "link_validity": next(
            (word for word, each in LINK_VALIDITIES.items() if each == settings.link_validity), "1 day"
        ),
        "link_uses": str(settings.link_uses or "unlimited"),
        "extra_pin": settings.extra_pin.value,
        "idle": span_text(settings.idle),
        "absolute": span_text(settings.absolute),
        "recheck": span_text(settings.recheck),
    }


def shown(name: str, settings: LoginSettings, configurations: Mapping[UUID, SsoConfiguration]) -> str:
    """The value of one field in words."""
    value = getattr(settings, name)
    if name == "configuration":
        chosen = configurations.get(value) if value else None
        return chosen.name if chosen else "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "extra_pin":
        return EXTRA_PINS[value.value]
    return as_typed(settings)[name].replace("\n", " ") or ("all" if name == "domains" else "empty")


def span_text(span: timedelta) -> str:
    """A length of time as it may be typed: in days, hours or minutes."""
    minutes = round(span.total_seconds() / 60)
    for size, unit in ((24 * 60, "days"), (60, "hours")):
        if minutes % size == 0:
            return f"{minutes // size} {unit if minutes != size else unit.removesuffix('s')}"
    return f"{minutes} minutes"


def _login_text(typed: Typed) -> str:
    text = typed.text("login_text")
    if len(text) > LONGEST_TEXT:
        message = f"The text has {len(text):,} characters; {LONGEST_TEXT:,} are the most."
        typed.wrong("login_text", "too_long", message)
    elif not all(each.isprintable() or each == "\n" for each in text):
        typed.wrong("login_text", "not_printable", "The text has a character that can't be seen.")
    return text


def _group_ids(
    typed: Typed,
    values: Mapping[str, str],
    chosen: SsoConfiguration | None,
    named: Mapping[str, tuple[str, ...]],
    base: LoginSettings,
    *,
    typed_here: bool,
) -> tuple[str, ...]:
    """The list; one that is inherited is checked again too, since the kind of the configuration may be another one."""
    text = values if typed_here else {"group_ids": ",".join(base.group_ids)}
    return typed.entries("group_ids", offer_ids(typed_group_ids(text, chosen), named))


def _check_inherited_choice(typed: Typed, chosen: SsoConfiguration | None, *, sso: bool) -> None:
    if sso and chosen is None:
        message = "The defaults have no single sign-on configuration. Choose one of this workspace's own."
        typed.wrong("configuration", "sso_configuration_required", message)
    elif sso and chosen is not None and not chosen.on:
        typed.wrong(
            "configuration", "sso_configuration_off", f"{chosen.name}, the default, is turned off. Choose another one."
        )


def _uses(typed: Typed) -> int:
    text = typed.text("link_uses").lower()
    if text == "unlimited":
        return UNLIMITED
    return typed.whole("link_uses", "Login link uses", 1, _MOST_USES) or 1


def _span(typed: Typed, field: str, default: timedelta, longest: timedelta) -> timedelta:
    text = typed.text(field).lower()
    if not text:
        return default
    found = _SPAN.fullmatch(text)
    span = int(found[1]) * _UNITS[found[2][0]] if found else timedelta()
    if not _LEAST <= span <= longest:
        message = f"{LABELS[field]}: from {span_text(_LEAST)} to {span_text(longest)}, such as 12 hours or 7 days."
        typed.wrong(field, "out_of_range", message)
    return span


def _check_together(typed: Typed, settings: LoginSettings) -> None:
    if settings.registration and not settings.links:
        message = "People register by a login link. Turn login links on as well, or registration off."
        typed.wrong("registration", "registration_needs_login_links", message)
    if not settings.links and not settings.sso:
        typed.wrong("links", "no_way_in", "Nobody could enter. Leave login links or single sign-on on.")
    if settings.idle > settings.absolute:
        typed.wrong("idle", "out_of_range", "A session can't wait longer for a click than it lasts in all.")

"""One person of the demo company: a name of some culture, an office, an address, telephones, a post."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from rollcall.directory.demo_chance import Chance
from rollcall.directory.demo_names import CULTURES, Name, NumberingPlan

# RFC 2606 §2: no name under .example is ever anybody's.
DOMAIN = "brightwater.example"
COMPANY = "Brightwater"

_FIRST_HIRED = date(2004, 1, 5)
_HIRED_WITHIN_DAYS = 8_000
_CONTRACTORS_OUT_OF = 12
_MOBILE_AREAS = (212, 303, 312, 404, 415, 416, 503, 514, 604, 617, 713, 902)
_DESK_AREAS = (202, 305, 313, 403, 412, 418, 504, 513, 613, 619, 702, 905)


@dataclass(frozen=True, slots=True)
class Person:
    """A user to be created: `attributes` by Graph names, and the manager's userPrincipalName."""

    attributes: dict[str, Any]
    manager: str | None = None

    @property
    def user_principal_name(self) -> str:
        """What the person signs in with."""
        name: str = self.attributes["userPrincipalName"]
        return name


@dataclass(frozen=True, slots=True)
class Post:
    """What a person is hired as, and under whom."""

    title: str
    department: str
    manager: str | None


def hire(chance: Chance, index: int, post: Post, taken: dict[str, int]) -> Person:
    """The person with this number. `taken` counts who has which address already, and is told of the new one."""
    culture = chance.choice(CULTURES)
    is_woman = chance.below(2) == 0
    given = chance.choice(culture.women if is_woman else culture.men)
    surname = chance.choice(culture.surnames_of_women if is_woman else culture.surnames_of_men)
    office = culture.office
    address = new_address(given, surname, taken)
    order = (surname, given) if culture.family_name_first else (given, surname)
    hired = _FIRST_HIRED + timedelta(days=chance.below(_HIRED_WITHIN_DAYS))
    return Person(
        {
            "userPrincipalName": address,
            "displayName": " ".join(name.written for name in order),
            "accountEnabled": True,
            "givenName": given.written,
            "surname": surname.written,
            "mail": address,
            "mailNickname": address.partition("@")[0],
            "jobTitle": post.title,
            "department": post.department,
            "companyName": COMPANY,
            "employeeId": f"BW{index + 1:06}",
            "employeeType": "Contractor" if chance.below(_CONTRACTORS_OUT_OF) == 0 else "Employee",
            "employeeHireDate": f"{hired.isoformat()}T00:00:00Z",
            "officeLocation": f"{office.code} {chance.between(1, 9)}.{chance.between(1, 40):02}",
            "city": office.city,
            "country": office.country,
            "usageLocation": office.country_code,
            "preferredLanguage": culture.language,
            "mobilePhone": _mobile(office.numbers, index),
            "businessPhones": [_desk(office.numbers, index)],
        },
        post.manager,
    )


def new_address(given: Name, surname: Name, taken: dict[str, int]) -> str:
    """A mail address that nobody has: given.surname, with a number from the second namesake on."""
    local = ".".join(re.sub(r"[^a-z-]", "", name.ascii.lower()) for name in (given, surname))
    taken[local] = namesakes = taken.get(local, 0) + 1
    return f"{local}{namesakes if namesakes > 1 else ''}@{DOMAIN}"


# The ranges that regulators keep for drama: Ofcom (020 7946 0xxx, 07700 900xxx), Arcep (01 99 00 xx xx,
# 06 39 98 xx xx), and NANPA (555-0100 to 555-0199 in every area).


def _mobile(plan: NumberingPlan, number: int) -> str:
    match plan:
        case "British":
            return f"+44 7700 900{number % 1000:03}"
        case "French":
            return f"+33 6 39 98 {number // 100 % 100:02} {number % 100:02}"
        case "North American":
            return _north_american(_MOBILE_AREAS, number)


def _desk(plan: NumberingPlan, number: int) -> str:
    match plan:
        case "British":
            return f"+44 20 7946 0{number % 1000:03}"
        case "French":
            return f"+33 1 99 00 {number // 100 % 100:02} {number % 100:02}"
        case "North American":
            return _north_american(_DESK_AREAS, number)


def _north_american(areas: tuple[int, ...], number: int) -> str:
    return f"+1 {areas[number // 100 % len(areas)]} 555 01{number % 100:02}"

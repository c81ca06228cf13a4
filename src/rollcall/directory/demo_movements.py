"""The demo's second act: who joins the company, who moves within it, and who leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rollcall.directory.demo_chance import Chance
from rollcall.directory.demo_company import Company, CompanyGroup
from rollcall.directory.demo_names import CULTURES, Name
from rollcall.directory.demo_people import Person, Post, hire, new_address

# Where surnames are joined with a hyphen.
_HYPHENATING = ("de-CH", "en-CA", "en-GB", "es-AR", "fr-CA", "fr-FR", "it-CH", "pt-BR", "sv-SE", "nb-NO")
_JOINERS = 5
_OTHERS = 9  # movers and leavers besides the one who marries


@dataclass(frozen=True, slots=True)
class Movement:
    """What happens to one person, who is named as before it happens.

    `attributes` are all of a joiner's, the changed ones of anybody else; `manager` is a userPrincipalName where it is
    news; `joins` and `leaves` are displayNames of groups; `deletes` says that the user is (soft-)deleted.
    """

    kind: Literal["joiner", "mover", "leaver"]
    user_principal_name: str
    display_name: str
    what: str
    attributes: dict[str, Any] = field(default_factory=dict)
    manager: str | None = None
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    deletes: bool = False


def movements(company: Company, seed: int) -> list[Movement]:
    """Five who join, five who move (one marries), five who leave: two deleted, two blocked, one unassigned.

    Nobody twice, and nobody who manages others. `company` must have 50 people and two departments at least.
    """
    floor = _Floor(company)
    chance = Chance(seed, "movements")
    marries = chance.choice([each for each in floor.staff if _can_marry(each)] or floor.staff)
    colleagues = [each for each in floor.staff if each is not marries]
    others = chance.sample(colleagues, _OTHERS)
    return [
        *_joiners(company, floor, chance, seed),
        _marriage(marries, floor, chance),
        _transfer(others[0], floor, chance),
        _transfer(others[1], floor, chance),
        _promotion(others[2]),
        _change_of_team(others[3], floor, chance),
        *(_deletion(each) for each in others[4:6]),
        *(_blocking(each) for each in others[6:8]),
        _unassignment(others[8], floor),
    ]


class _Floor:
    """The company by where people are found."""

    def __init__(self, company: Company) -> None:
        managing = {person.manager for person in company.people}
        self.staff = [person for person in company.people if person.user_principal_name not in managing]
        self.taken = _namesakes(company.people)
        self.groups: dict[str, list[CompanyGroup]] = {}
        for group in company.groups:
            for member in group.members:
                self.groups.setdefault(member, []).append(group)
        self.projects = [group.display_name for group in company.groups if group.topic == "project"]
        self.offices = {group.display_name for group in company.groups if group.topic == "city"}

    def of(self, person: Person, *topics: str) -> tuple[str, ...]:
        """The names of a person's groups of these topics, or of all."""
        groups = self.groups[person.user_principal_name]
        return tuple(group.display_name for group in groups if not topics or group.topic in topics)


def _namesakes(people: Iterable[Person]) -> dict[str, int]:
    """How many addresses there are of each name."""
    taken: dict[str, int] = {}
    for person in people:
        local = person.user_principal_name.partition("@")[0].rstrip("0123456789")
        taken[local] = taken.get(local, 0) + 1
    return taken


def _joiners(company: Company, floor: _Floor, chance: Chance, seed: int) -> list[Movement]:
    joiners = []
    for number in range(_JOINERS):
        beside = chance.choice(floor.staff)
        post = Post(beside.attributes["jobTitle"], beside.attributes["department"], beside.manager)
        index = len(company.people) + number
        person = hire(Chance(seed, "joiner", index), index, post, floor.taken)
        office = f"{person.attributes['city']} Office"
        groups = (
            *floor.of(beside, "department"),
            *([office] if office in floor.offices else []),
            *chance.sample(floor.projects, min(1, len(floor.projects))),
        )
        joiners.append(
            Movement(
                "joiner", person.user_principal_name, person.attributes["displayName"],
                f"joins {post.department} as {post.title}", person.attributes, post.manager, joins=groups,
            )
        )  # fmt: skip
    return joiners


def _can_marry(person: Person) -> bool:
    return person.attributes["preferredLanguage"] in _HYPHENATING


def _marriage(person: Person, floor: _Floor, chance: Chance) -> Movement:
    culture = next(each for each in CULTURES if each.language == person.attributes["preferredLanguage"])
    given = _named(person.attributes["givenName"], culture.women + culture.men)
    surname = _named(person.attributes["surname"], culture.surnames_of_women + culture.surnames_of_men)
    own = culture.surnames_of_women if surname in culture.surnames_of_women else culture.surnames_of_men
    spouse = chance.choice([each for each in own if each != surname])
    joined = Name(f"{surname.written}-{spouse.written}", f"{surname.ascii}-{spouse.ascii}")
    address = new_address(given, joined, floor.taken)
    order = (joined, given) if culture.family_name_first else (given, joined)
    display_name = " ".join(name.written for name in order)
    changes = {
        "surname": joined.written,
        "displayName": display_name,
        "userPrincipalName": address,
        "mail": address,
        "mailNickname": address.partition("@")[0],
    }
    return _move("mover", person, f"marries and is now {display_name}", attributes=changes)


def _named(written: str, names: Iterable[Name]) -> Name:
    return next(name for name in names if name.written == written)


def _transfer(person: Person, floor: _Floor, chance: Chance) -> Movement:
    department = person.attributes["department"]
    elsewhere = [each for each in floor.staff if each.attributes["department"] != department]
    beside = chance.choice(elsewhere)
    changes = {name: beside.attributes[name] for name in ("department", "jobTitle")}
    old, new = floor.of(person, "department"), floor.of(beside, "department")
    return _move(
        "mover",
        person,
        f"moves from {department} to {changes['department']}",
        attributes=changes,
        manager=beside.manager,
        joins=_without(new, old),
        leaves=_without(old, new),
    )


def _promotion(person: Person) -> Movement:
    title = person.attributes["jobTitle"].removeprefix("Junior ").removeprefix("Senior ").removeprefix("Principal ")
    title = f"Lead {title}"
    return _move("mover", person, f"is promoted to {title}", attributes={"jobTitle": title})


def _change_of_team(person: Person, floor: _Floor, chance: Chance) -> Movement:
    old = floor.of(person, "project")
    choices = _without(floor.projects, old)
    new = chance.sample(choices, min(2, len(choices)))
    return _move(
        "mover", person, f"changes teams, now in {' and '.join(new)}", joins=tuple(new), leaves=old,
    )  # fmt: skip


def _deletion(person: Person) -> Movement:
    return _move("leaver", person, "leaves; the user is deleted", deletes=True)


def _blocking(person: Person) -> Movement:
    return _move("leaver", person, "leaves; sign-in is blocked", attributes={"accountEnabled": False})


def _unassignment(person: Person, floor: _Floor) -> Movement:
    return _move("leaver", person, "loses the application: out of every assigned group", leaves=floor.of(person))


def _move(kind: Literal["mover", "leaver"], person: Person, what: str, **more: Any) -> Movement:
    return Movement(kind, person.user_principal_name, person.attributes["displayName"], what, **more)


def _without(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)

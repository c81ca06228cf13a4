"""The company that the demo provisions: people, who manages whom, and groups, all out of one seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rollcall.directory.demo_chance import Chance
from rollcall.directory.demo_people import Person, Post, hire
from rollcall.directory.demo_posts import DIVISIONS, HEAD, HEAD_OFFICE, PROJECTS, Department

Topic = Literal["department", "city", "project"]

LEAST_MEMBERS = 3
_MOST_MEMBERS = 200
_LEAST_SPAN, _MOST_SPAN = 5, 9
_GRADES = ("Junior ", "", "", "", "Senior ", "Senior ", "Principal ")


@dataclass(frozen=True, slots=True)
class CompanyGroup:
    """A group to be created: `attributes` by Graph names, members by userPrincipalName."""

    topic: Topic
    attributes: dict[str, Any]
    members: tuple[str, ...]

    @property
    def display_name(self) -> str:
        """Its name, which no other group of the company has."""
        name: str = self.attributes["displayName"]
        return name


@dataclass(frozen=True, slots=True)
class Company:
    """People, managers before those they manage, and groups. Everybody is in the group of a department at least."""

    seed: int
    people: tuple[Person, ...]
    groups: tuple[CompanyGroup, ...]


def demo_company(seed: int, people: int = 1_000, groups: int = 60) -> Company:
    """A company of so many people and groups; the same for the same numbers.

    One chief executive; whoever manages has 5 to 9 reports (the last one may have fewer). About half of the groups
    are departments, a quarter cities, the rest projects. At the default size all have 3 to 200 members; departments
    of a larger company with as few groups have more.
    """
    assert people >= 1
    assert groups >= 1
    managers = _managers(Chance(seed, "managers"), people)
    departments = _departments(managers)
    managing = set(managers)
    levels: list[int] = []
    taken: dict[str, int] = {}
    hired: list[Person] = []
    seats: dict[str, int] = defaultdict(int)
    for index, manager in enumerate(managers):
        levels.append(0 if manager is None else levels[manager] + 1)
        chance = Chance(seed, "person", index)
        department = departments[index]
        name = HEAD_OFFICE if department is None else department.name
        title = _title(chance, index, levels[index], department, seats[name], index in managing)
        seats[name] += 1
        boss = None if manager is None else hired[manager].user_principal_name
        hired.append(hire(chance, index, Post(title, name, boss), taken))
    return Company(seed, tuple(hired), tuple(_groups(seed, hired, groups)))


def _managers(chance: Chance, people: int) -> list[int | None]:
    """Each person's manager by number, level by level, so that the tree is no deeper than it must be."""
    managers: list[int | None] = [None]
    level = [0]
    while len(managers) < people:
        begin = len(managers)
        # In another order on each level: where people run out, it is not always the same departments that stay small.
        for manager in chance.shuffled(level):
            span = min(chance.between(_LEAST_SPAN, _MOST_SPAN), people - len(managers))
            managers += [manager] * span
        level = list(range(begin, len(managers)))
    return managers


def _departments(managers: Sequence[int | None]) -> list[Department | None]:
    """Each person's department. None is the head office: the chief executive and those who report there."""
    departments: list[Department | None] = []
    seats: dict[int, int] = defaultdict(int)
    for manager in managers:
        if not manager:  # nobody, or the chief executive
            departments.append(None)
        elif above := departments[manager]:
            departments.append(above)
        else:
            # Under a chief: the departments of the division in turn.
            own = DIVISIONS[manager - 1].departments
            departments.append(own[seats[manager] % len(own)])
            seats[manager] += 1
    return departments


def _title(chance: Chance, index: int, level: int, department: Department | None, seat: int, is_manager: bool) -> str:
    if department is None:
        return HEAD if index == 0 else DIVISIONS[index - 1].chief
    if level == 2:
        return f"{'Director' if seat == 0 else 'Associate Director'}, {department.name}"
    if is_manager:
        return f"{department.name} Manager"
    return chance.choice(_GRADES) + chance.choice(department.titles)


def _groups(seed: int, people: Sequence[Person], number: int) -> list[CompanyGroup]:
    largest = max(_MOST_MEMBERS, 2 * len(people) // number)
    departments = _by(people, "department")
    cities = _by(people, "city")
    of_departments = min(len(departments), max(1, number * 11 // 20))
    of_cities = min(len(cities), number // 4, number - of_departments)
    groups = [*_of_departments(departments, of_departments)]
    for city in list(cities)[:of_cities]:
        members = cities[city]
        few = Chance(seed, "city", city).sample(members, min(largest, len(members)))
        groups.append(_group("city", len(groups), f"{city} Office", f"Who works in {city}.", few))
    names = [person.user_principal_name for person in people]
    for place in range(number - len(groups)):
        round_, of_round = divmod(place, len(PROJECTS))
        name = PROJECTS[of_round] + (f" {round_ + 1}" if round_ else "")
        members = _team(Chance(seed, "project", place), names, largest)
        groups.append(_group("project", len(groups), name, f"The team of {name}.", members))
    return groups


def _by(people: Sequence[Person], attribute: str) -> dict[str, list[str]]:
    """UserPrincipalNames by the value of an attribute."""
    found: dict[str, list[str]] = defaultdict(list)
    for person in people:
        found[person.attributes[attribute]].append(person.user_principal_name)
    return found


def _of_departments(departments: dict[str, list[str]], number: int) -> list[CompanyGroup]:
    """A group for each; where there are fewer groups than departments, the last one takes all that are left."""
    names = list(departments)
    own = names if number == len(names) else names[: number - 1]
    groups = [
        _group("department", place, name, f"Everybody in {name}.", departments[name]) for place, name in enumerate(own)
    ]
    if left := names[len(own) :]:
        members = [member for name in left for member in departments[name]]
        groups.append(_group("department", len(own), "Other Departments", f"{', '.join(left)}."[:1024], members))
    return groups


def _team(chance: Chance, names: Sequence[str], largest: int) -> list[str]:
    """Some people; most teams are small, and a few are large."""
    room = min(_MOST_MEMBERS, largest, len(names)) - LEAST_MEMBERS
    share = chance.below(1_000) / 1_000
    return chance.sample(names, min(len(names), LEAST_MEMBERS + int(max(room, 0) * share**3)))


def _group(topic: Topic, place: int, name: str, description: str, members: Sequence[str]) -> CompanyGroup:
    attributes = {
        "displayName": name,
        "description": description,
        "mailNickname": f"{topic}-{place + 1}",
        "mailEnabled": False,
        "securityEnabled": True,
    }
    return CompanyGroup(topic, attributes, tuple(members))

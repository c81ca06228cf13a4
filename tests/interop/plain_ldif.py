"""A second, plain reading of LDIF (RFC 2849), as the measure of what an import has to bring: no code of the importer."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

_PERSON = {"person", "organizationalperson", "inetorgperson"}
_GROUP = {"groupofnames", "groupofuniquenames"}


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file states: people by sign-in name with their common name; members and managers by these names."""

    people: dict[str, str]
    blocked: set[str]
    groups: dict[str, set[str]]
    managers: dict[str, str]


def stated(path: Path) -> Stated:
    """People and groups of a file. Nested groups count as members by their name."""
    entries = [entry for entry in map(_entry, _paragraphs(path.read_text(encoding="utf-8"))) if "dn" in entry]
    names: dict[str, str] = {}
    people, groups = [], []
    for entry in entries:
        classes = {each.lower() for each in entry.get("objectclass", [])}
        if classes & _PERSON:
            names[_normal(entry["dn"][0])] = (entry.get("mail") or entry["uid"])[0]
            people.append(entry)
        elif classes & _GROUP:
            names[_normal(entry["dn"][0])] = entry["cn"][0]
            groups.append(entry)
    name = {_normal(entry["dn"][0]): names[_normal(entry["dn"][0])] for entry in people + groups}
    return Stated(
        {name[_normal(entry["dn"][0])]: entry["cn"][0] for entry in people},
        {name[_normal(entry["dn"][0])] for entry in people if entry.get("nsaccountlock", [""])[0].lower() == "true"},
        {
            entry["cn"][0]: {name[_normal(each)] for each in entry.get("member", []) + entry.get("uniquemember", [])}
            for entry in groups
        },
        {name[_normal(entry["dn"][0])]: name[_normal(entry["manager"][0])] for entry in people if "manager" in entry},
    )


def _paragraphs(text: str) -> list[list[str]]:
    unfolded = re.sub(r"\r?\n ", "", text)
    paragraphs = re.split(r"\n(?:\r?\n)+", re.sub(r"(?m)^#.*\n?", "", unfolded))
    return [paragraph.splitlines() for paragraph in paragraphs if paragraph.strip()]


def _entry(lines: list[str]) -> dict[str, list[str]]:
    entry: dict[str, list[str]] = {}
    for line in lines:
        attribute, _, value = line.partition(":")
        decoded = base64.b64decode(value[1:]).decode() if value.startswith(":") else value.strip()
        entry.setdefault(attribute.lower(), []).append(decoded)
    return entry


def _normal(name: str) -> str:
    """A distinguished name without the looseness RFC 4514 allows in case and blanks; a unique identifier is cut off."""
    return re.sub(r"\s*([,=])\s*", r"\1", re.sub(r"\s*#'[01]*'B$", "", name)).strip().lower()

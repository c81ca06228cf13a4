"""People and groups out of LDIF (RFC 2849): inetOrgPerson, groupOfNames, groupOfUniqueNames and their like."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rollcall.directory.distinguished_name import attribute_values, normalise
from rollcall.directory.importing_rows import BadRow, Note, Parsed, Reference, group, person
from rollcall.scim.datatypes import fold

_PEOPLE = frozenset({"person", "organizationalperson", "inetorgperson", "user"})
_GROUPS = frozenset({"groupofnames", "groupofuniquenames", "groupofmembers", "group"})
# Graph name ← LDAP names, the first that is there counts (RFC 4519, RFC 2798, Active Directory's own).
_TEXTS = {
    "displayName": ("displayname", "cn", "commonname"),
    "givenName": ("givenname", "gn"),
    "surname": ("sn", "surname"),
    "mail": ("mail", "rfc822mailbox"),
    "mobilePhone": ("mobile", "mobiletelephonenumber"),
    "faxNumber": ("facsimiletelephonenumber", "fax"),
    "jobTitle": ("title",),
    "companyName": ("company", "o", "organizationname"),
    "employeeId": ("employeeid", "employeenumber"),
    "employeeType": ("employeetype",),
    "officeLocation": ("physicaldeliveryofficename", "roomnumber"),
    "streetAddress": ("streetaddress", "street"),
    "city": ("l", "localityname"),
    "state": ("st", "stateorprovincename"),
    "postalCode": ("postalcode",),
    "country": ("co", "friendlycountryname", "c", "countryname"),
    "preferredLanguage": ("preferredlanguage",),
    "mailNickname": ("mailnickname",),
}
# Everything an entry is asked for; a photograph or a certificate is not even decoded.
_READ = frozenset(name for names in _TEXTS.values() for name in names) | {
    "dn", "objectclass", "changetype", "uid", "userid", "samaccountname", "userprincipalname", "telephonenumber",
    "department", "departmentnumber", "ou", "nsaccountlock", "useraccountcontrol", "manager", "member", "uniquemember",
    "description",
}  # fmt: skip
_DISABLED = 0x2  # ADS_UF_ACCOUNTDISABLE in userAccountControl of Active Directory
# RFC 4517 §3.3.21: a uniqueMember may end with a bit string that tells reused names apart.
_OPTIONAL_UID = re.compile(r"#'[01]*'B$")
_VERSION = re.compile(r"version:\s*1\s*")
_LINE = re.compile(r"([A-Za-z0-9.][A-Za-z0-9.;-]*)(::|:<|:)[ ]*(.*)", re.DOTALL)


@dataclass(slots=True)
class _Entry:
    line: int
    values: dict[str, list[str]] = field(default_factory=dict)
    fault: str | None = None

    def first(self, *names: str) -> str | None:
        return next((text for name in names for text in self.values.get(name, ()) if text.strip()), None)


def parse_ldif(lines: Iterable[str]) -> Iterator[Parsed]:
    """The people and groups of an LDIF file, entry by entry; the distinguished name is the import key.

    Containers and other entries are passed over and counted in a note.
    """
    passed = 0
    for entry in _entries(lines):
        parsed = _parsed(entry)
        if parsed is None:
            passed += 1
        else:
            yield parsed
    if passed:
        noun = "entry is" if passed == 1 else "entries are"
        yield Note(f"{passed} {noun} neither a person nor a group and were passed over.")


def _entries(lines: Iterable[str]) -> Iterator[_Entry]:
    entry: _Entry | None = None
    for number, text in _unfolded(lines):
        if not text:
            if entry is not None:
                yield entry
            entry = None
            continue
        if entry is None:
            # RFC 2849: the file may begin with its version.
            if _VERSION.fullmatch(text):
                continue
            entry = _Entry(number)
        _add(entry, number, text)
    if entry is not None:
        yield entry


def _unfolded(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first line: folds undone, comments left out, blank ones as ''."""
    start, parts = 0, [""]
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if line.startswith(" ") and parts[0]:
            parts.append(line[1:])
            continue
        if parts[0] and not parts[0].startswith("#"):
            yield start, "".join(parts)
        if not line.strip():
            yield number, ""
            line = ""
        start, parts = number, [line]
    if parts[0] and not parts[0].startswith("#"):
        yield start, "".join(parts)


def _add(entry: _Entry, number: int, text: str) -> None:
    match = _LINE.fullmatch(text)
    if match is None:
        if text != "-":
            entry.fault = entry.fault or f"line {number} is not `attribute: value`"
        return
    name, separator, value = fold(match[1]), match[2], match[3]
    if name not in _READ:
        return
    if separator == ":<":
        entry.fault = entry.fault or f"line {number}: values in other files are not read"
        return
    if separator == "::":
        try:
            value = base64.b64decode(value.strip(), validate=True).decode("utf-8", "surrogateescape")
        except (binascii.Error, ValueError):
            entry.fault = entry.fault or f"line {number}: the value of {match[1]} is not base64"
            return
    # With options (cn;lang-ja, userCertificate;binary) it is another attribute, none that is imported.
    entry.values.setdefault(name, []).append(value.rstrip(" ") if separator == ":" else value)


def _parsed(entry: _Entry) -> Parsed | None:
    classes = {fold(each.strip()) for each in entry.values.get("objectclass", ())}
    name = entry.first("dn")
    if entry.fault:
        return BadRow(entry.line, entry.fault)
    if name is None:
        return BadRow(entry.line, "the entry has no dn")
    if fold(entry.first("changetype") or "add") != "add":
        return BadRow(entry.line, f"changetype {entry.first('changetype')} can't be imported, only whole entries")
    try:
        if classes & _GROUPS:
            return _group(entry, normalise(name))
        if classes & _PEOPLE and "computer" not in classes:
            return _person(entry, name)
    except ValueError as error:
        return BadRow(entry.line, str(error))
    return None


def _person(entry: _Entry, name: str) -> Parsed:
    attributes: dict[str, Any] = {
        graph: text.strip() for graph, names in _TEXTS.items() if (text := entry.first(*names)) is not None
    }
    uid = entry.first("uid", "userid", "samaccountname")
    if uid is not None and "@" not in uid:
        attributes.setdefault("mailNickname", uid.strip())
    sign_in = entry.first("userprincipalname") or (uid if uid and "@" in uid else None) or attributes.get("mail")
    if sign_in is None:
        return BadRow(
            entry.line, "the person has neither userPrincipalName nor mail, nor a uid of the form name@domain"
        )
    attributes["userPrincipalName"] = sign_in.strip()
    phones = [text.strip() for text in entry.values.get("telephonenumber", ()) if text.strip()]
    if phones:
        attributes["businessPhones"] = phones
    department = entry.first("department") or _department(entry, name) or entry.first("departmentnumber")
    if department is not None:
        attributes["department"] = department.strip()
    enabled = _enabled(entry)
    if enabled is not None:
        attributes["accountEnabled"] = enabled
    manager = entry.first("manager")
    reference: Reference | None = f"dn:{normalise(manager)}" if manager else None
    return person(entry.line, attributes, import_key=normalise(name), manager=reference)


def _department(entry: _Entry, name: str) -> str | None:
    """The first organizational unit that is more than the container the entry lies in."""
    containers = attribute_values(name, "ou")
    return next((each for each in entry.values.get("ou", ()) if fold(each.strip()) not in containers), None)


def _enabled(entry: _Entry) -> bool | None:
    lock = entry.first("nsaccountlock")
    if lock is not None:
        return fold(lock.strip()) != "true"
    control = entry.first("useraccountcontrol")
    if control is None or not control.strip().isdecimal():
        return None
    return not int(control) & _DISABLED


def _group(entry: _Entry, import_key: str) -> Parsed:
    attributes: dict[str, Any] = {}
    if (name := entry.first("displayname", "cn", "commonname")) is not None:
        attributes["displayName"] = name.strip()
    if (description := entry.first("description")) is not None:
        attributes["description"] = description.strip()
    if (mail := entry.first("mail")) is not None:
        attributes["mail"] = mail.strip()
    members = [*entry.values.get("member", ()), *entry.values.get("uniquemember", ())]
    references = (f"dn:{normalise(_OPTIONAL_UID.sub('', each.strip()))}" for each in members if each.strip())
    return group(entry.line, attributes, import_key=import_key, members=tuple(dict.fromkeys(references)))

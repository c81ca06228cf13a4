"""What was typed into the fields of a settings page, and the faults found in it, all of them at once."""

from __future__ import annotations

from collections.abc import Mapping

from rollcall.errors import Conflict, Fault, Faulty
from rollcall.workspaces.list_entries import Entries

NAME_LENGTH = 100
CONFLICTS = frozenset({"name_taken", "domain_not_verified"})
"""Codes of fields that are well written, and do not go with what is there already."""


class Typed:
    """The text of each field, and what is wrong with it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.faults: list[Fault] = []

    def text(self, field: str) -> str:
        """The text of a field without blanks around it."""
        return self._values.get(field, "").strip()

    def is_checked(self, field: str) -> bool:
        """Whether a box was ticked."""
        return self.text(field) not in ("", "false", "0")

    def wrong(self, field: str, code: str, message: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(field, code, message))

    def required(self, field: str, noun: str, most: int = 255) -> str:
        """The text of a field that must have some, of at most so many characters; `noun` begins a sentence."""
        text = self.text(field)
        if not text:
            self.wrong(field, "required", f"{noun} is missing.")
        return self.bounded(field, noun, most)

    def bounded(self, field: str, noun: str, most: int = 255) -> str:
        """The text of a field, of at most so many characters; `noun` begins a sentence."""
        text = self.text(field)
        if len(text) > most:
            self.wrong(field, "too_long", f"{noun} has {len(text):,} characters; {most:,} are the most.")
        elif not text.isprintable():
            self.wrong(
                field, "not_printable", f"{noun} has a character that can't be seen. Type it instead of copying it."
            )
        return text

    def one_of(self, field: str, choices: Mapping[str, str], default: str) -> str:
        """One of the values that a field offers."""
        text = self.text(field) or default
        if text not in choices:
            self.wrong(field, "not_offered", f"{text[:50]!r} is not offered here. Choose one of: {', '.join(choices)}.")
            return default
        return text

    def whole(self, field: str, noun: str, least: int, most: int) -> int:
        """A whole number; 0 for an empty field."""
        text = self.text(field)
        if not text:
            return 0
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not least <= number <= most:
            self.wrong(field, "out_of_range", f"{noun} must be a whole number from {least:,} to {most:,}.")
        return number

    def entries(self, field: str, entries: Entries) -> tuple[str, ...]:
        """The entries of a list, with its faults noted for a field."""
        for each in entries.faults:
            self.wrong(field, each.code, each.message)
        return entries.values

    def check(self) -> None:
        """Raises Faulty when anything is wrong."""
        if self.faults:
            raise Faulty(self.faults)


class Stale(Conflict):
    """Somebody saved the page in between; nothing was stored."""

    def __init__(self) -> None:
        super().__init__(
            "Somebody saved this page while you had it open. Nothing of yours was stored yet.", code="stale_settings"
        )

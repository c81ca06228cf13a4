"""Passwords: which ones are too weak, and slow hashes of those that people chose (check C25)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Literal

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

MOST_CHARACTERS = 128
_LEFT_TO_GUESS = 5
"""So many letters must not be part of anything common."""
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm",
         "azertyuiop", "qsdfghjklm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "qazwsxedcrfvtgbyhnujm")  # fmt: skip
_RUN_LENGTH = 4
_INSTEAD = str.maketrans("01345780@$!|€", "oieastboasiie")
_WORDS = """
correcthorsebatterystaple administrator superman princess football baseball basketball starwars sunshine
whatever trustno1 iloveyou passwort password passphrase passord motdepasse contrasena contraseña senha parola
hunter welcome willkommen bienvenue letmein changeme default temporary secret geheim master monkey dragon shadow
michael jennifer jordan charlie thomas daniel andrew joshua ashley nicole jessica matthew robert hannah computer
internet microsoft google facebook samsung apple android windows linux ubuntu company business office manager
employee support service server system network access security account login logon signin user guest test
testing demo example sample rollcall workspaces identity directory admin root toor oracle mysql postgres summer
winter spring autumn sommer herbst monday tuesday wednesday thursday friday saturday sunday january february
march april june july august september october november december hello world love lovely angel flower freedom
forever family friend friends happy lucky cheese cookie chocolate banana orange pepper ginger summer tigger
buster killer hockey soccer yankees liverpool arsenal chelsea barcelona pokemon naruto minecraft batman
spiderman matrix ninja mustang ferrari mercedes porsche corvette harley biteme fuckyou asshole pussy please
enter open sesame abracadabra thisis mypass mypassword pass word london berlin paris newyork america germany
england france deutschland australia canada india
"""
_COMMON = tuple(_WORDS.split())

Verdict = Literal["right", "outdated", "wrong"]


def password_fault(password: str, least: int, own: Sequence[str] = ()) -> tuple[str, str] | None:
    """Code and sentence of what is wrong with a new password, None when nothing is.

    Length counts, and how much of it is no common password, run of keys or word of the person's own (`own`: address,
    name); which sorts of characters it has does not.
    """
    if len(password) < least:
        return "password_short", f"The password has {len(password)} characters; use at least {least}."
    if len(password) > MOST_CHARACTERS:
        return "password_long", f"The password has {len(password)} characters; use at most {MOST_CHARACTERS}."
    if _left_to_guess(password, own) < _LEFT_TO_GUESS:
        return (
            "password_common",
            "Anybody would try this early. Take several words that have nothing to do with each other.",
        )
    return None


def _left_to_guess(password: str, own: Sequence[str]) -> int:
    """How many different signs are left when everything common is taken out, and digits and marks at the ends."""
    parts = [part for each in own for part in re.split(r"[^\w]+|_", each.casefold()) if len(part) >= _RUN_LENGTH]
    common = sorted((*_COMMON, *parts), key=len, reverse=True)
    folded = password.casefold()
    return min(_letters(_without(folded, common)), _letters(_without(folded.translate(_INSTEAD), common)))


def _letters(text: str) -> int:
    return len(set(re.sub(r"[\W\d_]", "", _without_runs(text))))


def _without(text: str, words: Sequence[str]) -> str:
    for word in words:
        text = text.replace(word, " ")
    return text


def _without_runs(text: str) -> str:
    for run in (*_RUNS, *(run[::-1] for run in _RUNS)):
        for length in range(len(run), _RUN_LENGTH - 1, -1):
            for start in range(len(run) - length + 1):
                text = text.replace(run[start : start + length], " ")
    return re.sub(r"(.{1,4}?)\1{2,}", " ", text)


class SlowHash:
    """Argon2id (RFC 9106), computed in a thread and only a few at once, since each takes its memory."""

    def __init__(self, memory_kib: int = 64 * 1024, passes: int = 3, lanes: int = 4, at_once: int = 4) -> None:
        self._hasher = argon2.PasswordHasher(passes, memory_kib, lanes)
        self._turns = asyncio.Semaphore(at_once)
        self._nobodys: str | None = None

    async def hash(self, secret: str) -> str:
        """The hash of a secret, with a salt and the parameters in it."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, secret)

    async def verify(self, hashed: str | None, secret: str) -> Verdict:
        """Whether this is the secret; `outdated` when it is and has to be hashed anew, with today's parameters.

        None, where there is no secret at all, takes as long as a wrong one (check C22).
        """
        if self._nobodys is None:
            self._nobodys = await self.hash("nobody's password")
        async with self._turns:
            right = await asyncio.to_thread(self._fits, hashed or self._nobodys, secret[: 4 * MOST_CHARACTERS])
        if hashed is None or not right:
            return "wrong"
        return "outdated" if self._hasher.check_needs_rehash(hashed) else "right"

    def _fits(self, hashed: str, secret: str) -> bool:
        try:
            return self._hasher.verify(hashed, secret)
        except (VerificationError, InvalidHashError):
            return False

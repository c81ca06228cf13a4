"""Codes of authenticator apps (RFC 6238) and recovery codes: made, read as people type them, compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyotp

from rollcall.crypto import same

STEP_SECONDS = 30
_DRIFT_STEPS = 1
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = 3
_GROUP_LENGTH = 5
_READ_AS = str.maketrans({" ": None, "-": None})


def matching_step(secret: str, typed: str, now: datetime) -> int | None:
    """The time step whose code this is, the present one or one beside it; None when it is no code."""
    code = typed.translate(_READ_AS)
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    steps = range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1)
    fitting = [step for step in steps if same(totp.generate_otp(step).encode(), code.encode())]
    return fitting[-1] if fitting else None


def provisioning_uri(secret: str, name: str, issuer: str) -> str:
    """What the picture says to an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def recovery_code(number: int, chances: Sequence[int]) -> str:
    """A recovery code of a number from 0 to 9, out of as many random bytes as it has letters."""
    letters = "".join(_ALPHABET[each % len(_ALPHABET)] for each in chances)
    groups = [letters[at : at + _GROUP_LENGTH] for at in range(0, len(letters), _GROUP_LENGTH)]
    return f"{number}-{'-'.join(groups)}"


RECOVERY_LETTERS = _GROUPS * _GROUP_LENGTH


def read_recovery_code(typed: str) -> tuple[int, str] | None:
    """Number and whole code as it was made, however it was spaced and capitalised; None when it can't be one."""
    code = typed.lower().translate(_READ_AS)
    if len(code) != 1 + RECOVERY_LETTERS or not code.isascii() or not code[0].isdigit():
        return None
    groups = [code[at : at + _GROUP_LENGTH] for at in range(1, len(code), _GROUP_LENGTH)]
    return int(code[0]), f"{code[0]}-{'-'.join(groups)}"

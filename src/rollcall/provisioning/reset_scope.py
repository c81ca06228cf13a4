"""What a restart resets, in Graph's words: read from text, and what each word stands for."""

from __future__ import annotations

from typing import Literal, get_args

from rollcall.errors import Invalid

ResetScope = Literal["QuarantineState", "Watermark", "Escrows", "ConnectorDataStore", "ForceDeletes"]
"""One thing a restart resets (rule table 10)."""

AS_IN_THE_PORTAL: frozenset[ResetScope] = frozenset({"QuarantineState", "Watermark", "Escrows"})
_FULL: frozenset[ResetScope] = AS_IN_THE_PORTAL | {"ConnectorDataStore"}
_WORDS: dict[str, frozenset[ResetScope]] = {
    **{scope.casefold(): frozenset({scope}) for scope in get_args(ResetScope)},
    "full": _FULL,
}
ALLOWED = (*get_args(ResetScope), "Full", "None")


def parse_reset_scope(text: str) -> frozenset[ResetScope]:
    """What a comma-separated list of reset scopes stands for; an empty one for what the portal resets.

    `Full` is QuarantineState, Watermark, Escrows and ConnectorDataStore; `None` stands alone, and for nothing: the job just runs.
    Letter case does not count. Raises Invalid naming every unknown word and those that are allowed.
    """
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    if not words:
        return AS_IN_THE_PORTAL
    if [word.casefold() for word in words] == ["none"]:
        return frozenset()
    faults = [_fault(word) for word in words if word.casefold() not in _WORDS]
    if faults:
        raise Invalid("The scope of the restart can't be read, so nothing was reset.", details=tuple(faults))
    return frozenset().union(*(_WORDS[word.casefold()] for word in words))


def _fault(word: str) -> str:
    if not word:
        return "scope: there is nothing between two commas"
    if word.casefold() == "none":
        return "scope: None stands alone, for nothing at all; leave it out"
    return f"scope: {word!r} is no reset scope; there are {', '.join(ALLOWED)}, separated by commas"

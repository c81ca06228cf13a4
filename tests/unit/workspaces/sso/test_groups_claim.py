"""Which groups a token lists, and which count (checks GRP)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.workspaces.sso.configuration import GroupSource
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.groups_claim import Listed, Missing, Snapshot, Source, read_groups, resolve

G1, G2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
OVERAGE = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/x"}}}

READINGS: dict[str, tuple[dict[str, Any], Listed | Missing]] = {
    "GRP-1 a list": ({"groups": [G1, "Team"]}, Listed((G1, "Team"))),
    "GRP-1 ids in small letters, repeats dropped": ({"groups": [G1.upper(), G1]}, Listed((G1,))),
    "GRP-1 names as they stand": ({"groups": ["Team", "TEAM", r"ACME\Team"]}, Listed(("Team", "TEAM", r"ACME\Team"))),
    "GRP-1 the most there may be": ({"groups": [str(n) for n in range(1000)]}, Listed(tuple(map(str, range(1000))))),
    "GRP-2 an empty list": ({"groups": []}, Listed(())),
    "GRP-3 overage": (OVERAGE, Missing.OVERAGE),
    "GRP-4 overage of the implicit flow": ({"hasgroups": True}, Missing.OVERAGE),
    "GRP-4 as text": ({"hasgroups": "true"}, Missing.OVERAGE),
    "GRP-6 nothing at all": ({}, Missing.ABSENT),
    "GRP-6 overage of another claim": ({"_claim_names": {"roles": "src1"}}, Missing.ABSENT),
    "GRP-7 one string": ({"groups": G1}, Listed((G1,))),
    "GRP-8 both": ({"groups": [G1], **OVERAGE}, Missing.OVERAGE),
    "GRP-8 both in the implicit flow": ({"groups": [G1], "hasgroups": True}, Missing.OVERAGE),
}


@pytest.mark.parametrize("name", READINGS)
def test_what_a_token_says_of_groups(name: str) -> None:
    claims, meaning = READINGS[name]

    assert read_groups(claims, "groups", single=True) == meaning


REFUSED: dict[str, Any] = {
    "GRP-1 too many": [str(n) for n in range(1001)],
    "GRP-1 too long": ["x" * 256],
    "GRP-1 a number": [5],
    "GRP-1 a list within": [[G1]],
    "GRP-7 a string": G1,
    "GRP-7 an object": {"id": G1},
    "GRP-7 null": None,
    "GRP-7 a number": 5,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_claim_of_another_shape_refuses_the_token(name: str) -> None:
    with pytest.raises(SsoFailed) as failed:
        read_groups({"groups": REFUSED[name]}, "groups", single=False)

    assert failed.value.check == name.split(maxsplit=1)[0]


def test_groups_may_stand_in_another_claim() -> None:
    assert read_groups({"roles": ["a"], "groups": ["b"]}, "roles", single=False) == Listed(("a",))
    assert read_groups({"roles": ["a"], "hasgroups": True}, "roles", single=False) == Listed(("a",))


UNRESOLVED = Snapshot(None, Source.UNRESOLVED)
LIST, EMPTY = Listed((G1,)), Listed(())
THEN_SCIM, TOKEN, SCIM = GroupSource.TOKEN_THEN_SCIM, GroupSource.TOKEN_ONLY, GroupSource.SCIM_ONLY

# What the token says, where groups come from, what SCIM has (None: not provisioned), whether a lookup is set up, what it
# brought (None: it failed), and what counts.
COUNTS: dict[str, tuple[Listed | Missing, GroupSource, Any, bool, Any, Snapshot]] = {
    "a list, token then SCIM": (LIST, THEN_SCIM, {G2}, True, None, Snapshot((G1,), Source.TOKEN)),
    "a list, token only": (LIST, TOKEN, {G2}, False, None, Snapshot((G1,), Source.TOKEN)),
    "a list, SCIM only": (LIST, SCIM, {G2}, False, None, Snapshot((G2,), Source.SCIM)),
    "a list, SCIM only, not provisioned": (LIST, SCIM, None, False, None, UNRESOLVED),
    "overage, looked up": (Missing.OVERAGE, THEN_SCIM, {G2}, True, {G1}, Snapshot((G1,), Source.LOOKUP)),
    "overage, looked up, none": (Missing.OVERAGE, THEN_SCIM, {G2}, True, (), Snapshot((), Source.LOOKUP)),
    "GRP-12 overage, lookup failed": (Missing.OVERAGE, THEN_SCIM, {G2}, True, None, UNRESOLVED),
    "overage, no lookup": (Missing.OVERAGE, THEN_SCIM, {G2}, False, None, Snapshot((G2,), Source.SCIM)),
    "overage, no lookup, not provisioned": (Missing.OVERAGE, THEN_SCIM, None, False, None, UNRESOLVED),
    "overage, token only, looked up": (Missing.OVERAGE, TOKEN, {G2}, True, {G1}, Snapshot((G1,), Source.LOOKUP)),
    "overage, token only, no lookup": (Missing.OVERAGE, TOKEN, {G2}, False, None, UNRESOLVED),
    "overage, SCIM only": (Missing.OVERAGE, SCIM, {G2}, True, {G1}, Snapshot((G2,), Source.SCIM)),
    "absent, token then SCIM": (Missing.ABSENT, THEN_SCIM, {G2}, True, {G1}, Snapshot((G2,), Source.SCIM)),
    "absent, in SCIM without groups": (Missing.ABSENT, THEN_SCIM, (), False, None, Snapshot((), Source.SCIM)),
    "absent, not provisioned": (Missing.ABSENT, THEN_SCIM, None, True, {G1}, UNRESOLVED),
    "absent, token only": (Missing.ABSENT, TOKEN, {G2}, True, {G1}, UNRESOLVED),
    "absent, SCIM only": (Missing.ABSENT, SCIM, {G2}, False, None, Snapshot((G2,), Source.SCIM)),
    "absent, SCIM only, not provisioned": (Missing.ABSENT, SCIM, None, False, None, UNRESOLVED),
    "empty, token then SCIM": (EMPTY, THEN_SCIM, {G2}, False, None, Snapshot((), Source.TOKEN)),
    "empty, token only": (EMPTY, TOKEN, {G2}, False, None, Snapshot((), Source.TOKEN)),
    "empty, SCIM only": (EMPTY, SCIM, {G2}, False, None, Snapshot((G2,), Source.SCIM)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_which_groups_count(name: str) -> None:
    """Checks GRP-9, GRP-12."""
    found, source, provisioned, lookup, looked_up, counts = COUNTS[name]

    assert counts == resolve(found, source, provisioned=provisioned, lookup_configured=lookup, looked_up=looked_up)

"""Which groups count at a sign-in: every cell of the table. What SCIM changes later is tested with the sessions."""

from __future__ import annotations

import pytest

from rollcall.workspaces.sso.configuration import GroupSource
from rollcall.workspaces.sso.groups_claim import Listed, Missing, Source, resolve

BOTH, TOKEN, SCIM = GroupSource.TOKEN_THEN_SCIM, GroupSource.TOKEN_ONLY, GroupSource.SCIM_ONLY
LIST, EMPTY, OVERAGE, NONE = Listed(("t",)), Listed(()), Missing.OVERAGE, Missing.ABSENT
T, L, S, NOBODY = ("t",), ("l",), ("s",), ()
OFF = "no lookup"  # as opposed to one that failed: None


@pytest.mark.parametrize(
    ("source", "told", "looked_up", "provisioned", "expected"),
    [
        pytest.param(BOTH, LIST, L, S, T, id="5.4-list-both"),
        pytest.param(TOKEN, LIST, L, S, T, id="5.4-list-token"),
        pytest.param(SCIM, LIST, L, S, S, id="5.4-list-scim"),
        pytest.param(SCIM, LIST, L, None, None, id="5.4-list-scim-not-provisioned"),
        pytest.param(BOTH, OVERAGE, L, S, L, id="5.4-overage-both-looked-up"),
        pytest.param(BOTH, OVERAGE, NOBODY, S, NOBODY, id="5.4-overage-both-looked-up-empty"),
        pytest.param(BOTH, OVERAGE, OFF, S, S, id="5.4-overage-both-scim"),
        pytest.param(BOTH, OVERAGE, OFF, NOBODY, NOBODY, id="5.4-overage-both-scim-empty"),
        pytest.param(BOTH, OVERAGE, OFF, None, None, id="5.4-overage-both-unresolved"),
        pytest.param(TOKEN, OVERAGE, L, S, L, id="5.4-overage-token-looked-up"),
        pytest.param(TOKEN, OVERAGE, OFF, S, None, id="5.4-overage-token-unresolved"),
        pytest.param(SCIM, OVERAGE, L, S, S, id="5.4-overage-scim"),
        pytest.param(BOTH, NONE, L, S, S, id="5.4-none-both"),
        pytest.param(BOTH, NONE, L, None, None, id="5.4-none-both-not-provisioned"),
        pytest.param(TOKEN, NONE, L, S, None, id="5.4-none-token"),
        pytest.param(SCIM, NONE, L, S, S, id="5.4-none-scim"),
        pytest.param(SCIM, NONE, L, None, None, id="5.4-none-scim-not-provisioned"),
        pytest.param(BOTH, EMPTY, L, S, NOBODY, id="5.4-empty-both"),
        pytest.param(TOKEN, EMPTY, L, S, NOBODY, id="5.4-empty-token"),
        pytest.param(SCIM, EMPTY, L, S, S, id="5.4-empty-scim"),
        pytest.param(BOTH, OVERAGE, None, S, None, id="GRP-12-failed-lookup"),
    ],
)
def test_which_groups_count(
    source: GroupSource,
    told: Listed | Missing,
    looked_up: tuple[str, ...] | str | None,
    provisioned: tuple[str, ...] | None,
    expected: tuple[str, ...] | None,
) -> None:
    configured = looked_up != OFF
    answer = looked_up if isinstance(looked_up, tuple) else None

    snapshot = resolve(told, source, provisioned=provisioned, lookup_configured=configured, looked_up=answer)

    assert snapshot.groups == expected
    if expected:
        assert snapshot.source is {"t": Source.TOKEN, "l": Source.LOOKUP, "s": Source.SCIM}[expected[0]]
    assert (snapshot.source is Source.UNRESOLVED) is (expected is None)

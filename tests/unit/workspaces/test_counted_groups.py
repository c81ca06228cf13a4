"""Which groups count: every cell of the table, and what SCIM changes in a snapshot afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rollcall.workspaces.counted_groups import (
    GroupSource,
    Snapshot,
    SnapshotSource,
    ToldGroups,
    after_addition,
    after_removal,
    count_groups,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOTH, TOKEN, SCIM = GroupSource.TOKEN_THEN_SCIM, GroupSource.TOKEN_ONLY, GroupSource.SCIM_ONLY
LIST, EMPTY, OVERAGE, NONE = (
    ToldGroups(frozenset({"t"})),
    ToldGroups(frozenset()),
    ToldGroups(None, overage=True),
    ToldGroups(None),
)
T, L, S, NOBODY = frozenset({"t"}), frozenset({"l"}), frozenset({"s"}), frozenset[str]()


@pytest.mark.parametrize(
    ("source", "told", "looked_up", "provisioned", "expected"),
    [
        pytest.param(BOTH, LIST, L, S, T, id="5.4-list-both"),
        pytest.param(TOKEN, LIST, L, S, T, id="5.4-list-token"),
        pytest.param(SCIM, LIST, L, S, S, id="5.4-list-scim"),
        pytest.param(SCIM, LIST, L, None, None, id="5.4-list-scim-not-provisioned"),
        pytest.param(BOTH, OVERAGE, L, S, L, id="5.4-overage-both-looked-up"),
        pytest.param(BOTH, OVERAGE, NOBODY, S, NOBODY, id="5.4-overage-both-looked-up-empty"),
        pytest.param(BOTH, OVERAGE, None, S, S, id="5.4-overage-both-scim"),
        pytest.param(BOTH, OVERAGE, None, NOBODY, NOBODY, id="5.4-overage-both-scim-empty"),
        pytest.param(BOTH, OVERAGE, None, None, None, id="5.4-overage-both-unresolved"),
        pytest.param(TOKEN, OVERAGE, L, S, L, id="5.4-overage-token-looked-up"),
        pytest.param(TOKEN, OVERAGE, None, S, None, id="5.4-overage-token-unresolved"),
        pytest.param(SCIM, OVERAGE, L, S, S, id="5.4-overage-scim"),
        pytest.param(BOTH, NONE, L, S, S, id="5.4-none-both"),
        pytest.param(BOTH, NONE, L, None, None, id="5.4-none-both-not-provisioned"),
        pytest.param(TOKEN, NONE, L, S, None, id="5.4-none-token"),
        pytest.param(SCIM, NONE, L, S, S, id="5.4-none-scim"),
        pytest.param(SCIM, NONE, L, None, None, id="5.4-none-scim-not-provisioned"),
        pytest.param(BOTH, EMPTY, L, S, NOBODY, id="5.4-empty-both"),
        pytest.param(TOKEN, EMPTY, L, S, NOBODY, id="5.4-empty-token"),
        pytest.param(SCIM, EMPTY, L, S, S, id="5.4-empty-scim"),
        pytest.param(BOTH, ToldGroups(T, overage=True), None, S, S, id="GRP-8-list-and-overage"),
    ],
)
def test_which_groups_count(
    source: GroupSource,
    told: ToldGroups,
    looked_up: frozenset[str] | None,
    provisioned: frozenset[str] | None,
    expected: frozenset[str] | None,
) -> None:
    snapshot = count_groups(source, told, NOW, looked_up=looked_up, provisioned=provisioned)

    assert (None if snapshot is None else snapshot.ids) == expected
    if snapshot is not None and expected:
        assert snapshot.source.value == {"t": "token", "l": "lookup", "s": "scim"}[next(iter(expected))]
        assert snapshot.taken == NOW


@pytest.mark.parametrize("source", SnapshotSource)
def test_a_group_that_scim_takes_away_no_longer_counts_whoever_named_it(source: SnapshotSource) -> None:
    snapshot = Snapshot(frozenset({"a", "b"}), source, NOW)

    assert after_removal(snapshot, "a") == Snapshot(frozenset({"b"}), source, NOW)
    assert after_removal(snapshot, "c") == snapshot


@pytest.mark.parametrize(
    ("source", "counts"), [(SnapshotSource.TOKEN, False), (SnapshotSource.LOOKUP, False), (SnapshotSource.SCIM, True)]
)
def test_a_group_that_scim_adds_counts_at_once_only_where_scim_is_the_source(
    source: SnapshotSource, counts: bool
) -> None:
    snapshot = after_addition(Snapshot(frozenset({"a"}), source, NOW), "b")

    assert ("b" in snapshot.ids) is counts

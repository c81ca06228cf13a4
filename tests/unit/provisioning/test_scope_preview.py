"""Before saving: who would enter and who would leave the scope of a job (rules S6 to S8, D8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollcall.provisioning.connectors.contract import SourcePage
from rollcall.provisioning.connectors.fake import FakeSource
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import Entry, FilterClause, FilterGroup, JobSettings, Key, Link, ObjectMapping
from rollcall.provisioning.scope_comparison import ScopePreview, ScopeRules
from rollcall.provisioning.scope_preview import compare_scope
from tests.unit.provisioning.builders import GROUPS, SETTINGS, USERS, entry, linked

SALES = FilterGroup("Sales", (FilterClause("department", "EQUALS", ("Sales",)),))
LAW = FilterGroup("Law", (FilterClause("department", "EQUALS", ("Law",)),))
SLOW = FilterGroup("Slow", (FilterClause("department", "REGEX MATCH", ("(a|aa)+[bc]",)),))
RED_ONLY = FilterGroup("Red", (FilterClause("displayName", "EQUALS", ("Red",)),))


def rules(users: ObjectMapping = USERS, groups: ObjectMapping = GROUPS, settings: JobSettings = SETTINGS) -> ScopeRules:
    return ScopeRules(settings, {"User": compile_mapping(users), "Group": compile_mapping(groups)})


def filtered(*filters: FilterGroup) -> ScopeRules:
    return rules(replace(USERS, filters=filters))


def person(number: int, department: str, *, assigned: bool = True) -> Entry:
    return entry(Key("User", f"u{number:04}"), department=department, assigned=assigned)


def directory(*entries: Entry) -> FakeSource:
    source = FakeSource()
    for each in entries:
        source.put(each)
    return source


COMPANY = directory(
    person(1, "Sales"),
    person(2, "Law"),
    person(3, "Law"),
    person(4, "Sales", assigned=False),
    entry(Key("Group", "red"), displayName="Red"),
    entry(Key("Group", "blue"), displayName="Blue"),
)


async def ledger_with(*links: Link) -> MemoryLedger:
    ledger = MemoryLedger()
    await ledger.commit(Commit(links=list(links)))
    return ledger


async def preview(before: ScopeRules, after: ScopeRules, *links: Link, source: FakeSource = COMPANY) -> ScopePreview:
    return await compare_scope(source, await ledger_with(*links), before, after)


async def test_who_leaves_is_counted_with_names_and_how_many_are_in_the_application() -> None:
    """S7, D8: two fall out, one of them has an account."""
    shown = await preview(rules(), filtered(SALES), linked(Key("User", "u0002")))

    assert (shown.users.leaving.count, shown.users.leaving.names) == (2, ["u0002@example.org", "u0003@example.org"])
    assert (shown.users.linked, shown.users.fate, shown.users.entering.count) == (1, "disable", 0)
    assert (shown.groups.leaving.count, shown.read) == (0, 6)


@pytest.mark.parametrize(("threshold", "reached"), [(1, True), (2, False), (0, False)])
async def test_a_change_that_reaches_the_deletion_threshold_says_so(threshold: int, reached: bool) -> None:
    """P2: counted are those who are in the application and would be removed from it."""
    settings = replace(SETTINGS, deletion_threshold=threshold)
    after = rules(replace(USERS, filters=(SALES,)), settings=settings)
    shown = await preview(rules(settings=settings), after, linked(Key("User", "u0002")))

    assert (shown.removals, shown.reaches_threshold) == (1, reached)


async def test_who_is_left_in_the_application_does_not_count_for_the_threshold() -> None:
    """P2, D7."""
    settings = replace(SETTINGS, deletion_threshold=1, skip_out_of_scope_deletions=True)
    after = rules(replace(USERS, filters=(SALES,)), settings=settings)
    shown = await preview(rules(settings=settings), after, linked(Key("User", "u0002")))

    assert (shown.removals, shown.reaches_threshold) == (0, False)


async def test_another_filter_lets_some_in_and_puts_others_out() -> None:
    shown = await preview(filtered(LAW), filtered(SALES))

    assert shown.users.entering.names == ["u0001@example.org"]
    assert shown.users.leaving.count == 2


async def test_mode_all_lets_in_who_is_not_assigned() -> None:
    """S1, S8: the preview is for settings too."""
    everybody = rules(settings=replace(SETTINGS, scope="all"))

    assert (await preview(rules(), everybody)).users.entering.names == ["u0004@example.org"]
    assert (await preview(everybody, rules())).users.leaving.names == ["u0004@example.org"]


async def test_groups_are_told_apart_and_would_be_deleted() -> None:
    shown = await preview(rules(), rules(groups=replace(GROUPS, filters=(RED_ONLY,))), linked(Key("Group", "blue")))

    assert (shown.groups.leaving.names, shown.groups.linked, shown.groups.fate) == (["Blue"], 1, "delete")
    assert shown.users.leaving.count == 0


async def test_an_input_filter_leaves_alone_and_puts_nobody_out() -> None:
    shown = await preview(rules(), rules(replace(USERS, input_filters=(SALES,))))

    assert (shown.users.left_alone.count, shown.users.leaving.count) == (2, 0)


async def test_who_can_not_be_decided_stays_and_is_counted() -> None:
    source = directory(person(1, "a" * 60), person(2, "ab"))
    shown = await preview(rules(), filtered(SLOW), source=source)

    assert (shown.users.undecided.count, shown.users.leaving.count) == (1, 0)


@pytest.mark.parametrize(
    ("mapping", "settings", "fate"),
    [
        (USERS, SETTINGS, "disable"),
        (USERS, replace(SETTINGS, skip_out_of_scope_deletions=True), "keep"),
        (USERS, replace(SETTINGS, soft_delete=False), "delete"),
        (replace(USERS, update=False), SETTINGS, "keep"),
        (replace(USERS, attributes=USERS.attributes[:1]), SETTINGS, "keep"),
        (replace(USERS, delete=False), replace(SETTINGS, soft_delete=False), "keep"),
    ],
)
async def test_what_becomes_of_who_leaves_is_said(mapping: ObjectMapping, settings: JobSettings, fate: str) -> None:
    """D1, D2, D7."""
    after = rules(replace(mapping, filters=(SALES,)), settings=settings)

    assert (await preview(rules(mapping, settings=settings), after)).users.fate == fate


class UnreadSource(FakeSource):
    async def changes(self, watermark: dict[str, object] | None, limit: int) -> SourcePage:
        raise AssertionError("the directory is not read for a change that can't matter")


async def test_a_change_that_can_not_matter_reads_nothing() -> None:
    """Mappings of attributes and other settings have no say in scope."""
    other = rules(replace(USERS, attributes=USERS.attributes[:2]), settings=replace(SETTINGS, page_size=7))

    assert (await preview(rules(), other, source=UnreadSource())).is_empty


async def test_only_the_first_names_are_kept() -> None:
    """However many leave, the memory is that of a page."""
    crowd = directory(*(person(number, "Law") for number in range(2500)))
    shown = await preview(rules(), filtered(SALES), source=crowd)

    assert (shown.users.leaving.count, len(shown.users.leaving.names), shown.read) == (2500, 10, 2500)

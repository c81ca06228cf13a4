"""What failed in the database: listed, shown, retried, given up, cleared (rules E1, E2, E4, E5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import pytest
from aiohttp import web
from psycopg import AsyncConnection

from rollcall import directory
from rollcall.db import DatabaseConfig, Tx
from rollcall.errors import Invalid, NotFound
from rollcall.provisioning import (
    FailureCounts,
    FailureFilter,
    FailureKey,
    Initiator,
    Key,
    change_settings,
    clear_escrows,
    count_failures,
    failures_of,
    give_up_failures,
    list_failures,
    read_job,
    retry_failures,
    set_state,
    standing,
    waiting_failures,
)
from rollcall.provisioning.escrow_exchanges import exchanges_of
from rollcall.provisioning.ledger_contract import Commit, Exhausted
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.runtime import Runtime
from tests.provisioning.world import World

EVERYTHING = FailureFilter()
REFUSAL = '{"detail": "No licence is left.", "status": "403"}'


class Refusing:
    """Answers 403 to what writes to an endpoint, while it is on."""

    def __init__(self, world: World, method: str, endpoint: str) -> None:
        self.on = True
        self._which = (method, endpoint)
        world.proxy.interfere = self

    async def __call__(self, method: str, path: str) -> web.Response | None:
        if self.on and method == self._which[0] and self._which[1] in path:
            return web.Response(status=403, text=REFUSAL, content_type="application/scim+json")
        return None


GRACE = Initiator(display_name="grace", type="user")


async def two_refused(world: World) -> tuple[Refusing, Key, Key]:
    """Ada and Bob, whose accounts the target does not make."""
    refusing = Refusing(world, "POST", "/Users")
    keys = []
    for name in ("ada", "bob"):
        user = await world.user(name)
        await world.assign(user)
        keys.append(Key("User", str(user)))
    await world.cycle()
    return refusing, keys[0], keys[1]


async def count(world: World, which: FailureFilter = EVERYTHING) -> FailureCounts:
    return await world.db.read(count_failures, world.job_id, which)


async def test_what_failed_is_listed_in_pages_with_attempts_code_and_next_attempt(world: World) -> None:
    """E1."""
    _, ada, bob = await two_refused(world)

    first = await world.db.read(list_failures, world.job_id, EVERYTHING, None, 1)
    second = await world.db.read(list_failures, world.job_id, EVERYTHING, first[0].at, 1)
    rest = await world.db.read(list_failures, world.job_id, EVERYTHING, second[0].at, 1)

    assert {first[0].source_id, second[0].source_id} == {ada.id, bob.id}
    assert rest == []
    assert (first[0].attempts, first[0].code) == (1, "InsufficientRights")
    assert first[0].next_attempt > first[0].first_failed
    assert await count(world) == FailureCounts(2, 0, 0)


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (FailureFilter(code="InsufficientRights"), 2),
        (FailureFilter(code="Timeout"), 0),
        (FailureFilter(kind="User"), 2),
        (FailureFilter(kind="Group"), 0),
        (FailureFilter(given_up=True), 0),
        (FailureFilter(given_up=False), 2),
    ],
)
async def test_a_list_is_narrowed_by_code_kind_and_whether_it_is_given_up(
    world: World, which: FailureFilter, found: int
) -> None:
    await two_refused(world)

    assert len(await world.db.read(list_failures, world.job_id, which)) == found
    assert (await count(world, which)).total == found


async def test_the_last_request_and_its_answer_are_kept_until_it_comes_right(world: World) -> None:
    refusing, ada, _ = await two_refused(world)

    (details,) = await world.db.read(failures_of, world.job_id, ada)

    exchange = details.exchange
    assert exchange is not None
    assert (exchange.method, exchange.path, exchange.status, exchange.answer) == ("POST", "/Users", 403, REFUSAL)
    assert exchange.body["userName"] == "ada@example.com"
    assert details.remedy == "Allow the credentials to do this in the application."

    refusing.on = False
    await retry_failures(world.db, world.job_id, None, GRACE, world.service.runtime.now())
    await world.cycle()

    assert await count(world) == FailureCounts(0, 0, 0)
    assert await world.db.read(exchanges_of, world.job_id, [ada]) == {}
    assert set(await world.target.accounts()) == {"ada@example.com", "bob@example.com"}


class Explained:
    """Asks how the database would answer, in the place of asking."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.above_references: list[dict[str, Any]] = []

    async def all(self, statement: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        plans = await self._tx.value(f"explain (format json) {statement}", params)
        self._look(plans[0]["Plan"], [])
        return []

    def _look(self, node: dict[str, Any], above: list[dict[str, Any]]) -> None:
        path = [] if node["Node Type"] == "Append" else [*above, node]
        if node.get("Relation Name") == "object_references":
            self.above_references = path
        for inner in node.get("Plans", ()):
            self._look(inner, path)


@pytest.mark.parametrize("after", [None, FailureKey("Group", "g7", "members", "User", "x")])
async def test_a_page_of_many_failed_references_is_read_out_of_their_index_without_sorting_them(
    world: World, database_config: DatabaseConfig, after: FailureKey | None
) -> None:
    async def fail(tx: Tx) -> None:
        await tx.run(
            """
            insert into provisioning.object_references (job_id, source_kind, source_id, attribute, referenced_kind,
                referenced_id, wanted, first_failed, next_attempt, attempts, code, reason)
            select %s, 'Group', 'g' || (number %% 50), 'members', 'User', md5(number::text), true, now(), now(), 1, 'x', 'r'
            from generate_series(1, 20000) as number
            """,
            [world.job_id],
        )

    async def explained(tx: Tx) -> list[dict[str, Any]]:
        explaining = Explained(tx)
        await list_failures(cast(Tx, explaining), world.job_id, EVERYTHING, after)
        return explaining.above_references

    await world.db.write(fail)
    assert database_config.url is not None
    async with await AsyncConnection.connect(database_config.url, autocommit=True) as owner:
        await owner.execute("analyze provisioning.object_references")
    path = await world.db.read(explained)

    assert path[-1].get("Index Name") == "object_references_failed"
    assert not [node["Node Type"] for node in path if "Sort" in node["Node Type"]]
    assert (await world.db.read(list_failures, world.job_id, EVERYTHING, after, 3)) != []


async def test_one_that_is_retried_does_not_wait_and_the_other_does(world: World) -> None:
    refusing, ada, _ = await two_refused(world)
    refusing.on = False

    counts = await retry_failures(world.db, world.job_id, [ada], GRACE, world.service.runtime.now())
    await world.cycle()

    assert counts == FailureCounts(1, 0, 0)
    assert set(await world.target.accounts()) == {"ada@example.com"}


async def test_a_change_in_the_source_is_a_new_try_at_once(world: World) -> None:
    """E4."""
    refusing, ada, _ = await two_refused(world)
    refusing.on = False

    await world.db.write(directory.update_user, UUID(ada.id), {"displayName": "Ada L."})
    await world.cycle()

    assert set(await world.target.accounts()) == {"ada@example.com"}


async def test_what_is_given_up_is_logged_with_who_did_and_is_not_tried_until_it_changes(
    world: World, runtime: Runtime
) -> None:
    refusing, ada, bob = await two_refused(world)

    counts = await give_up_failures(world.db, runtime, world.job_id, [ada], "Grace Hopper")

    assert counts == FailureCounts(1, 0, 1)
    assert await count(world) == FailureCounts(2, 0, 1)
    assert [each.source_id for each in await world.db.read(waiting_failures, world.job_id)] == [bob.id]
    assert (await world.db.read(standing, world.job_id)).escrowed == 1
    (line,) = await world.log(status="warning")
    assert (line["source_id"], line["code"]) == (ada.id, "InsufficientRights")
    assert "given up by Grace Hopper after 1 attempt." in line["reason"]

    refusing.on = False
    future = await _due_at(world, datetime(2999, 1, 1, tzinfo=line["at"].tzinfo))
    assert future == [bob]

    await world.db.write(directory.update_user, UUID(ada.id), {"displayName": "Ada L."})
    await world.cycle()
    assert set(await world.target.accounts()) == {"ada@example.com"}
    assert await count(world) == FailureCounts(1, 0, 0)


async def _due_at(world: World, now: datetime) -> list[Key]:
    return await DatabaseLedger(world.db, world.job_id).due(now, None, 10)


async def test_everything_is_given_up_and_everything_is_retried(world: World, runtime: Runtime) -> None:
    refusing, _, _ = await two_refused(world)

    given_up = await give_up_failures(world.db, runtime, world.job_id, None, "ada")
    again = await give_up_failures(world.db, runtime, world.job_id, None, "ada")
    refusing.on = False
    retried = await retry_failures(world.db, world.job_id, None, GRACE, runtime.now())
    await world.cycle()

    assert (given_up.total, again.total, retried.total) == (2, 0, 2)
    assert len(await world.target.accounts()) == 2


async def test_references_that_failed_are_listed_shown_given_up_and_retried(world: World, runtime: Runtime) -> None:
    """E1: nothing that failed is forgotten, neither is a membership."""
    refusing = Refusing(world, "PATCH", "/Groups")
    ada = await world.user("ada")
    group = await world.group("Analysts", [ada])
    await world.cycle()

    (failure,) = await world.db.read(list_failures, world.job_id, EVERYTHING)
    (of_ada,) = await world.db.read(failures_of, world.job_id, Key("User", str(ada)))

    assert (failure.kind, failure.name, failure.attribute, failure.referenced_name) == (
        "Group",
        "Analysts",
        "members",
        "ada@example.com",
    )
    assert (failure.attempts, failure.code) == (1, "InsufficientRights")
    assert "No licence is left." in failure.reason
    assert of_ada.failure == failure
    assert of_ada.exchange is not None
    assert (of_ada.exchange.method, of_ada.exchange.status, of_ada.exchange.answer) == ("PATCH", 403, REFUSAL)
    assert of_ada.exchange.body["Operations"][0]["op"] == "add"
    (line,) = await world.log(status="failure")
    assert "This operation was tried 1 time and is tried again after" in line["reason"]

    await give_up_failures(world.db, runtime, world.job_id, [Key("Group", str(group))], "ada")
    refusing.on = False
    await world.cycle()
    assert (await world.target.groups())["Analysts"] == set()
    assert await count(world) == FailureCounts(0, 1, 1)

    await retry_failures(world.db, world.job_id, [Key("User", str(ada))], GRACE, runtime.now())
    await world.cycle()
    assert (await world.target.groups())["Analysts"] == {"ada@example.com"}
    assert await count(world) == FailureCounts(0, 0, 0)
    assert await world.db.read(exchanges_of, world.job_id, [Key("Group", str(group))]) == {}


async def test_each_reference_keeps_its_own_last_request_and_those_of_one_request_share_it(
    world: World, runtime: Runtime
) -> None:
    """E1: what is shown of a membership is what was sent for it, not for its neighbour."""
    refusing = Refusing(world, "PATCH", "/Groups")
    ada, bob = await world.user("ada"), await world.user("bob")
    group = await world.group("Analysts", [ada, bob])
    await world.cycle()
    shared = await world.db.read(failures_of, world.job_id, Key("Group", str(group)))

    assert [each.exchange and each.exchange.number for each in shared] == [2, 2]
    assert shared[0].exchange == shared[1].exchange

    await retry_failures(world.db, world.job_id, [Key("User", str(bob))], GRACE, runtime.now())
    await world.cycle()
    (of_ada,) = await world.db.read(failures_of, world.job_id, Key("User", str(ada)))
    (of_bob,) = await world.db.read(failures_of, world.job_id, Key("User", str(bob)))

    assert of_ada.exchange is not None
    assert of_bob.exchange is not None
    assert (of_ada.exchange.number, of_bob.exchange.number) == (2, 1)
    assert of_ada.exchange.at < of_bob.exchange.at
    assert len(of_ada.exchange.body["Operations"][0]["value"]) == 2
    assert len(of_bob.exchange.body["Operations"][0]["value"]) == 1

    refusing.on = False
    await retry_failures(world.db, world.job_id, [Key("User", str(bob))], GRACE, runtime.now())
    await world.cycle()
    (left,) = await world.db.read(failures_of, world.job_id, Key("Group", str(group)))
    assert left.exchange == of_ada.exchange
    assert await world.db.read(_kept_exchanges) == 1

    await retry_failures(world.db, world.job_id, None, GRACE, runtime.now())
    await world.cycle()
    assert await world.db.read(_kept_exchanges) == 0


async def _kept_exchanges(tx: Tx) -> int:
    return int(await tx.value("select count(*) from provisioning.escrow_exchanges"))


class GivingUp(Refusing):
    """Refuses, and while the request is under way, somebody gives up what it is for."""

    def __init__(self, world: World, method: str, endpoint: str, keys: list[Key], runtime: Runtime) -> None:
        super().__init__(world, method, endpoint)
        self._world, self._keys, self._runtime = world, keys, runtime

    async def __call__(self, method: str, path: str) -> web.Response | None:
        answer = await super().__call__(method, path)
        if answer is not None:
            await give_up_failures(self._world.db, self._runtime, self._world.job_id, self._keys, "ada")
        return answer


async def test_what_is_given_up_while_it_is_tried_stays_given_up(world: World, runtime: Runtime) -> None:
    """E1: the answer that comes afterwards is kept, and takes nobody's decision back."""
    _, ada, _ = await two_refused(world)
    await retry_failures(world.db, world.job_id, [ada], GRACE, runtime.now())
    world.proxy.interfere = GivingUp(world, "POST", "/Users", [ada], runtime)

    await world.cycle()

    (details,) = await world.db.read(failures_of, world.job_id, ada)
    assert (details.failure.attempts, details.failure.given_up) == (2, True)


async def test_what_succeeds_while_it_is_given_up_is_no_failure_any_more(world: World, runtime: Runtime) -> None:
    refusing, ada, bob = await two_refused(world)
    await retry_failures(world.db, world.job_id, [ada], GRACE, runtime.now())
    refusing.on = False

    async def give_up(method: str, path: str) -> web.Response | None:
        if method == "POST" and "/Users" in path:
            await give_up_failures(world.db, runtime, world.job_id, [ada, bob], "ada")
        return None

    world.proxy.interfere = give_up
    await world.cycle()

    assert await count(world) == FailureCounts(1, 0, 1)
    assert set(await world.target.accounts()) == {"ada@example.com"}


async def test_a_membership_that_is_given_up_while_it_is_tried_stays_given_up(world: World, runtime: Runtime) -> None:
    Refusing(world, "PATCH", "/Groups")
    key = Key("Group", str(await world.group("Analysts", [await world.user("ada")])))
    await world.cycle()
    await retry_failures(world.db, world.job_id, [key], GRACE, runtime.now())
    world.proxy.interfere = GivingUp(world, "PATCH", "/Groups", [key], runtime)

    await world.cycle()

    (details,) = await world.db.read(failures_of, world.job_id, key)
    assert (details.failure.attempts, details.failure.given_up) == (2, True)


async def test_what_is_retried_while_its_page_is_under_way_keeps_that_time(world: World, runtime: Runtime) -> None:
    """What a page read before and did not try is written back with it, and takes back nobody's command."""
    _, ada, _ = await two_refused(world)
    ledger = DatabaseLedger(world.db, world.job_id)
    read = (await ledger.known([ada]))[ada]
    await retry_failures(world.db, world.job_id, [ada], GRACE, runtime.now())

    await ledger.intend([read], [])

    assert [key for key in await _due_at(world, runtime.now()) if key == ada] == [ada]


async def test_given_up_references_are_tried_again_when_everything_is_evaluated_again(
    world: World, runtime: Runtime
) -> None:
    refusing = Refusing(world, "PATCH", "/Groups")
    await world.group("Analysts", [await world.user("ada")])
    await world.cycle()
    await give_up_failures(world.db, runtime, world.job_id, None, "ada")
    refusing.on = False

    await world.db.write(change_settings, world.job_id, {"scope": "all"})
    await world.cycle()

    assert (await world.target.groups())["Analysts"] == {"ada@example.com"}


async def test_what_did_not_fail_can_be_neither_shown_nor_retried_nor_given_up(world: World, runtime: Runtime) -> None:
    _, ada, _ = await two_refused(world)
    nobody = Key("User", str(runtime.new_id()))

    with pytest.raises(NotFound, match=f"Nothing failed of User {nobody.id}.*2 in all"):
        await world.db.read(failures_of, world.job_id, nobody)
    with pytest.raises(NotFound, match=nobody.id):
        await retry_failures(world.db, world.job_id, [ada, nobody], GRACE, runtime.now())
    with pytest.raises(NotFound, match=nobody.id):
        await give_up_failures(world.db, runtime, world.job_id, [ada, nobody], "ada")
    assert await count(world) == FailureCounts(2, 0, 0)


@pytest.mark.parametrize("by", ["", "  \n", "x" * 201])
async def test_who_gives_up_has_a_name(world: World, runtime: Runtime, by: str) -> None:
    with pytest.raises(Invalid, match="Who gives up"):
        await give_up_failures(world.db, runtime, world.job_id, None, by)


async def test_a_cleared_list_is_empty_and_everything_is_tried_when_it_is_evaluated_again(world: World) -> None:
    """E5."""
    refusing, ada, _ = await two_refused(world)
    refusing.on = False

    await world.db.write(clear_escrows, world.job_id)
    await world.cycle()

    assert await count(world) == FailureCounts(0, 0, 0)
    assert await world.db.read(exchanges_of, world.job_id, [ada]) == {}
    assert await world.target.accounts() == {}

    await world.db.write(change_settings, world.job_id, {"scope": "all"})
    await world.cycle()
    assert len(await world.target.accounts()) == 2


async def test_what_is_given_up_after_28_days_disables_the_job_and_tells_once(world: World, runtime: Runtime) -> None:
    """E2."""
    _, ada, _ = await two_refused(world)
    ledger = DatabaseLedger(world.db, world.job_id)
    link = (await ledger.known([ada]))[ada]
    assert link.escrow is not None
    given_up = replace(link, escrow=replace(link.escrow, attempts=2, given_up=True))
    exhausted = Exhausted(str(runtime.new_id()), runtime.now(), ("User ada@example.com",))

    await world.db.write(set_state, world.job_id, "Active")
    await ledger.commit(Commit(links=[given_up], exhausted=exhausted))
    await ledger.commit(Commit(exhausted=replace(exhausted, notice_id=str(runtime.new_id()))))

    assert (await world.db.read(read_job, world.job_id)).state == "Disabled"
    assert (await count(world)).given_up == 1
    notices = await world.db.read(_notices)
    assert [kind for kind, _ in notices] == ["disabled"]
    assert "User ada@example.com" in notices[0][1]


async def _notices(tx: Tx) -> list[tuple[str, str]]:
    rows = await tx.all("select kind, message from provisioning.notices")
    return [(row["kind"], row["message"]) for row in rows]


async def test_no_tenant_sees_what_was_asked_and_answered_in_another(world: World, runtime: Runtime) -> None:
    _, ada, _ = await two_refused(world)
    stranger = world.service.database.tenant(runtime.new_id())

    assert await stranger.read(exchanges_of, world.job_id, [ada]) == {}
    assert await stranger.read(list_failures, world.job_id, EVERYTHING) == []

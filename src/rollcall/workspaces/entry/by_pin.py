"""Signing in to the dashboard with a mailed PIN: asking for one, and entering it (rows M1 to M4).

Whoever asks gets the same answer by the same way, and whoever tries a PIN that nobody was sent fails by the same way, so
that neither tells which addresses belong to main users.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Database, Rate, Tx, take_turn
from rollcall.errors import Throttled
from rollcall.mail import Mail
from rollcall.passwords import SlowHash
from rollcall.runtime import Runtime
from rollcall.workspaces.access import decide
from rollcall.workspaces.access_facts import AccessFacts, load_facts
from rollcall.workspaces.access_model import Decision, Deny, DoorKind, Reason, Stage, Standing, Way
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.entry.pins import LIFETIME, PinTry, keep_pin, new_pin, seal_context, take_try, use_pin
from rollcall.workspaces.main_users import main_user_by_address
from rollcall.workspaces.model import Organisation
from rollcall.workspaces.sending import Outbox, Post
from rollcall.workspaces.sso.sessions import DASHBOARD_LIMITS, SignIn, create_session

BY_ADDRESS = Rate(3, 15 * 60.0)
BY_NETWORK = Rate(10, 15 * 60.0)


@dataclass(frozen=True, slots=True)
class Entered:
    """A session was made, and the browser gets its handle."""

    handle: str


@dataclass(frozen=True, slots=True)
class NotEntered:
    """No session. `wrong`: the PIN; otherwise `denied` has why the door stays shut. `over`: another PIN is needed."""

    denied: Reason | None = None
    over: bool = False


class PinEntry:
    """Mails PINs and takes them."""

    def __init__(
        self, database: Database, runtime: Runtime, sealer: Sealer, hashing: SlowHash, post: Post | None
    ) -> None:
        self._database = database
        self._runtime = runtime
        self._sealer = sealer
        self._hashing = hashing
        self._outbox = None if post is None else Outbox(post)

    async def ask(self, organisation: Organisation, address: str, browser: str, visitor: Actor) -> None:
        """Mail a PIN to a local main user, if it is one. Raises Throttled after too many (3 an address, 10 a network)."""
        now = self._runtime.now()
        for rate, key in ((BY_NETWORK, visitor.ip), (BY_ADDRESS, f"{organisation.id} {address.casefold()}")):
            if wait := await self._database.system(take_turn, rate, now, "pin", key):
                raise Throttled("Too many PINs were asked for.", code="rate_limited", retry_after_seconds=wait)
        pin = new_pin(self._runtime)
        pin_hash = await self._hashing.hash(pin)
        sealed = self._sealer.seal(pin, seal_context(organisation.id)) if self._outbox is None else None
        to = await self._database.tenant(organisation.id).write(
            _ask, self._runtime, address, browser, pin_hash, sealed, visitor
        )
        if to is not None and self._outbox is not None:
            self._outbox.send(_mail(organisation, to, pin, now, str(self._runtime.new_id())))

    async def enter(
        self, organisation: UUID, pin: str, browser: str | None, visitor: Actor, replaces: str | None
    ) -> Entered | NotEntered:
        """Take a PIN. `replaces`: the handle of the session that the browser came with, which ends (check C3)."""
        db = self._database.tenant(organisation)
        tried = None if browser is None else await db.write(take_try, "dashboard", browser, self._runtime.now())
        if tried is None:
            return NotEntered(over=True)
        verdict = await self._hashing.verify(tried.pin_hash, "".join(pin.split()))
        if verdict == "wrong" or tried.user is None:
            await db.write(_failed, self._runtime, tried, visitor)
            return NotEntered(over=tried.last)
        return await db.write(_enter, self._runtime, tried, visitor, replaces)


async def _ask(
    tx: Tx, runtime: Runtime, address: str, browser: str, pin_hash: str, sealed: bytes | None, visitor: Actor
) -> str | None:
    """Keep the PIN, for whom it may be; the address to mail it to, None for nobody."""
    user = await main_user_by_address(tx, address)
    decision, facts = await _decide(tx, user, Stage.ASKING, runtime.now())
    to = facts.actor.address
    allowed = not isinstance(decision, Deny) and to is not None
    await keep_pin(tx, runtime, "dashboard", browser, user if allowed else None, pin_hash, sealed)
    denied = decision.reason.value if isinstance(decision, Deny) else "" if allowed else "no_address"
    target = "" if user is None else str(user)
    await record(
        tx,
        runtime,
        visitor,
        Happening("auth.pin.sent", "user", target)
        if allowed
        else Happening("auth.pin.failed", "user", target, "denied", denied, details={"step": "asked for"}),
    )
    return to if allowed else None


async def _decide(tx: Tx, user: UUID | None, stage: Stage, now: datetime) -> tuple[Decision, AccessFacts]:
    facts = await load_facts(tx, DoorKind.DASHBOARD, now, user_id=user)
    actor = replace(
        facts.actor,
        stage=stage,
        way=Way.PIN,
        organisation=tx.tenant,
        session=None,
        standing=Standing.ABSENT if user is None else facts.actor.standing,
    )
    return decide(actor, facts.door, now), replace(facts, actor=actor)


async def _failed(tx: Tx, runtime: Runtime, tried: PinTry, visitor: Actor) -> None:
    action = "auth.pin.locked" if tried.last else "auth.pin.failed"
    target = "" if tried.user is None else str(tried.user)
    await record(tx, runtime, visitor, Happening(action, "user", target, "denied", "wrong_pin"))


async def _enter(tx: Tx, runtime: Runtime, tried: PinTry, visitor: Actor, replaces: str | None) -> Entered | NotEntered:
    assert tried.user is not None, "a PIN that is right is somebody's"
    if not await use_pin(tx, tried.id):
        return NotEntered(over=True)
    decision, _ = await _decide(tx, tried.user, Stage.SIGNING_IN, runtime.now())
    person = replace(visitor, name=str(tried.user))
    if isinstance(decision, Deny):
        denied = Happening("auth.pin.failed", "user", person.name, "denied", decision.reason.value)
        await record(tx, runtime, person, denied)
        return NotEntered(decision.reason, over=True)
    sign_in = SignIn(
        "dashboard", "pin", DASHBOARD_LIMITS, user=tried.user, user_agent=visitor.user_agent, network=visitor.ip
    )
    session, handle = await create_session(tx, runtime, sign_in, replaces=replaces)
    await record(
        tx,
        runtime,
        person,
        Happening("auth.pin.succeeded", "user", person.name),
        Happening("session.created", "session", str(session), details={"method": "pin", "kind": "dashboard"}),
    )
    return Entered(handle)


def _mail(organisation: Organisation, to: str, pin: str, now: datetime, key: str) -> Mail:
    minutes = round(LIFETIME.total_seconds() / 60)
    text = (
        f"Your PIN for the Main User Dashboard of {organisation.name}:\n\n    {pin[:4]} {pin[4:]}\n\n"
        f"It is good for {minutes} minutes, and only in the browser in which it was asked for.\n"
        "If that was not you, nothing has to be done: nobody gets in without the PIN. Tell it to nobody.\n"
    )
    shown = html.escape(text).replace("\n", "<br>")
    return Mail(to, f"Your PIN for {organisation.name}", text, f"<p>{shown}</p>", key, now)

"""Signing in to a workspace with a mailed login link, and registering by one: asking, opening, using (rows W12 to W17).

Whoever asks gets the same answer by the same way. Opening a link uses nothing up, so that programs that look into mails
do not burn it; the button on its page does.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from rollcall.db import Database, Rate, Tx, take_turn
from rollcall.errors import Conflict, Throttled
from rollcall.mail import Mail
from rollcall.runtime import Runtime
from rollcall.scim.datatypes import fold
from rollcall.workspaces.access import decide
from rollcall.workspaces.access_facts import AccessFacts, load_facts
from rollcall.workspaces.access_model import Allow, Decision, Deny, DoorKind, Reason, Stage, Standing, Way
from rollcall.workspaces.accounts_users import is_buried
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.entry.links import LoginLink, find_link, keep_link, use_link
from rollcall.workspaces.entry.login_places import LoginPlace
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.people import AccountOrigin, create_person, people_by_address
from rollcall.workspaces.sending import Outbox, Post
from rollcall.workspaces.sso.sessions import Limits, SignIn, create_session

BY_ADDRESS = Rate(3, 15 * 60.0)
BY_NETWORK = Rate(10, 15 * 60.0)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session was made, and the browser gets its handle."""

    handle: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The link opens nothing, or nothing any more; why, only the audit log is told."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Mailing:
    to: str
    secret: str
    registers: bool


@dataclass(frozen=True, slots=True)
class _Judged:
    decision: Decision
    facts: AccessFacts


class LinkEntry:
    """Mails login links and takes them. Without a mail server there are none."""

    def __init__(self, database: Database, runtime: Runtime, base_url: str, post: Post) -> None:
        self._database = database
        self._runtime = runtime
        self._base_url = base_url
        self._outbox = Outbox(post)

    async def ask(self, place: LoginPlace, address: str, visitor: Actor) -> Reason | None:
        """Mail a link, if whoever has the address may enter or register.

        The answer rests on nothing but what was typed and the settings: why nobody with such an address gets a link, or
        why strangers with one can't register (row W17). Raises Throttled after too many.
        """
        assert place.workspace is not None, "links are for workspaces"
        organisation, now = place.organisation.id, self._runtime.now()
        for rate, key in ((BY_NETWORK, visitor.ip), (BY_ADDRESS, f"{organisation} {address.casefold()}")):
            if wait := await self._database.system(take_turn, rate, now, "link", key):
                raise Throttled("Too many links were asked for.", code="rate_limited", retry_after_seconds=wait)
        db = self._database.tenant(organisation)
        mailing, aloud = await db.write(_ask, self._runtime, place.workspace, address, visitor)
        if mailing is not None:
            url = f"{self._base_url}{place.path}/login/link/{mailing.secret}"
            self._outbox.send(_mail(place, mailing, url, now, str(self._runtime.new_id())))
        return aloud

    async def look(self, place: LoginPlace, secret: str) -> LoginLink | None:
        """The link, where using it would open the workspace now; nothing is used up."""
        assert place.workspace is not None, "links are for workspaces"
        db = self._database.tenant(place.organisation.id)
        return await db.read(_look, place.workspace, secret, self._runtime.now())

    async def use(self, place: LoginPlace, secret: str, visitor: Actor, replaces: str | None) -> Opened | Refused:
        """Use a link. `replaces`: the handle of the session that the browser came with, which ends (check C3)."""
        assert place.workspace is not None, "links are for workspaces"
        db = self._database.tenant(place.organisation.id)
        outcome = await db.write(_use, self._runtime, place.workspace, secret, visitor, replaces)
        if isinstance(outcome, Refused):
            refused = Happening("auth.link.refused", "workspace", str(place.workspace), "denied", outcome.reason)
            await db.write(record, self._runtime, visitor, refused)
        return outcome

    async def settled(self) -> None:
        """Wait for mails that are on their way."""
        await self._outbox.settled()


async def _ask(
    tx: Tx, runtime: Runtime, workspace: UUID, address: str, visitor: Actor
) -> tuple[_Mailing | None, Reason | None]:
    """Keep a link for whoever may have one, and tell the audit log; what to mail, and what may be said of the address."""
    now = runtime.now()
    stranger = await _judge(tx, Stage.ASKING, workspace, None, address, now)
    aloud = stranger.decision.reason if isinstance(stranger.decision, Deny) else None
    if aloud is Reason.NOT_A_MEMBER:
        aloud = None
    people = await people_by_address(tx, address)
    user = people[0] if len(people) == 1 else None
    judged = stranger if user is None else await _judge(tx, Stage.ASKING, workspace, user, address, now)
    to = address if user is None else judged.facts.actor.address
    reason = _reason(judged.decision)
    if not reason and user is None:
        buried = await is_buried(tx, fold(address), None)
        reason = "address_ambiguous" if people else Reason.USER_DELETED.value if buried else ""
    if aloud is not None and aloud is not Reason.DOMAIN_NOT_ALLOWED:
        reason = aloud.value  # what was typed must use single sign-on, wherever the person's mail goes
    reason = reason or ("" if to else "no_address")
    target = "" if user is None else str(user)
    details = {"workspace": str(workspace)}
    if reason or to is None:
        refused = Happening("auth.link.refused", "user", target, "denied", reason, details=details)
        await record(tx, runtime, visitor, refused)
        return None, aloud
    registers = not judged.facts.actor.roles
    secret = await keep_link(tx, runtime, workspace, user, to, registers=registers)
    sent = Happening("auth.link.sent", "user", target, details=details | {"registers": registers})
    await record(tx, runtime, visitor, sent)
    return _Mailing(to, secret, registers), aloud


async def _look(tx: Tx, workspace: UUID, secret: str, now: datetime) -> LoginLink | None:
    link = await find_link(tx, workspace, secret)
    if link is None or link.fault(now):
        return None
    judged = await _judge(tx, Stage.SIGNING_IN, workspace, link.user, link.address, now)
    return None if _reason_of_link(link, judged) else link


async def _use(
    tx: Tx, runtime: Runtime, workspace: UUID, secret: str, visitor: Actor, replaces: str | None
) -> Opened | Refused:
    now = runtime.now()
    link = await find_link(tx, workspace, secret, hold=True)
    fault = "unknown" if link is None else link.fault(now)
    if link is None or fault is not None:
        return Refused(fault or "unknown")
    judged = await _judge(tx, Stage.SIGNING_IN, workspace, link.user, link.address, now)
    if reason := _reason_of_link(link, judged):
        return Refused(reason)
    user = link.user
    if user is None:
        made = await _register(tx, runtime, link, visitor)
        if isinstance(made, Refused):
            return made
        user = made
    assert isinstance(judged.decision, Allow), "whatever has no reason is allowed"
    person = replace(visitor, name=str(user))
    if judged.decision.creates_membership:
        await add_member(tx, runtime, workspace, user, Origin.REGISTRATION, actor=person)
    await use_link(tx, link, user)
    door = judged.facts.door
    assert door.idle is not None, "an open door's times are known"
    assert door.absolute is not None, "an open door's times are known"
    sign_in = SignIn(
        "workspace",
        "link",
        Limits(door.idle, door.absolute),
        user=user,
        workspace=workspace,
        user_agent=visitor.user_agent,
        network=visitor.ip,
    )
    session, handle = await create_session(tx, runtime, sign_in, replaces=replaces)
    await record(
        tx,
        runtime,
        person,
        Happening("auth.link.used", "workspace", str(workspace), details={"registers": link.registers}),
        Happening("session.created", "session", str(session), details={"method": "link", "kind": "workspace"}),
    )
    return Opened(handle)


async def _register(tx: Tx, runtime: Runtime, link: LoginLink, visitor: Actor) -> UUID | Refused:
    """The account of whoever registers; the mail proved their address. One that was made meanwhile asks for its own link."""
    if await people_by_address(tx, link.address):
        return Refused("user_name_taken")
    try:
        return await create_person(
            tx,
            runtime,
            user_name=link.address,
            address=link.address,
            origin=AccountOrigin.REGISTRATION,
            actor=visitor,
        )
    except Conflict as conflict:
        return Refused(conflict.code)


async def _judge(tx: Tx, stage: Stage, workspace: UUID, user: UUID | None, address: str, now: datetime) -> _Judged:
    facts = await load_facts(tx, DoorKind.WORKSPACE, now, workspace=workspace, user_id=user)
    actor = replace(
        facts.actor,
        stage=stage,
        way=Way.LINK,
        organisation=tx.tenant,
        session=None,
        standing=Standing.ABSENT if user is None else facts.actor.standing,
        address=address if user is None else facts.actor.address,
        link_workspace=workspace,
        pin_given=False,
        known_device=False,
    )
    return _Judged(decide(actor, facts.door, now), replace(facts, actor=actor))


def _reason(decision: Decision) -> str:
    return decision.reason.value if isinstance(decision, Deny) else ""


def _reason_of_link(link: LoginLink, judged: _Judged) -> str:
    """Why a live link does not open its workspace; a member's link does not register one who is a member no more."""
    creates = isinstance(judged.decision, Allow) and judged.decision.creates_membership
    return _reason(judged.decision) or (Reason.NOT_A_MEMBER.value if creates and not link.registers else "")


def _mail(place: LoginPlace, mailing: _Mailing, url: str, now: datetime, key: str) -> Mail:
    does = "register in" if mailing.registers else "sign in to"
    text = (
        f"With this link you {does} {place.name} of {place.organisation.name}:\n\n    {url}\n\n"
        "Open it and press the button on its page. Whoever has it gets in as you, so hand it to nobody.\n"
        "If you did not ask for it, nothing has to be done.\n"
    )
    shown = html.escape(text).replace("\n", "<br>").replace(url, f'<a href="{url}">{url}</a>')
    return Mail(mailing.to, f"Your login link for {place.name}", text, f"<p>{shown}</p>", key, now)

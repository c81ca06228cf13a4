"""The door that a sign-in at a provider leads to: the one decision, and who and what is made on the way in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict
from rollcall.runtime import Runtime
from rollcall.workspaces.access import decide
from rollcall.workspaces.access_facts import load_facts
from rollcall.workspaces.access_model import Allow, Deny, DoorKind, Reason, Stage, Standing, Way
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.people import AccountOrigin, create_person, refresh_name
from rollcall.workspaces.sso.arrivals import Admitted, Arrival, Denied, Raced
from rollcall.workspaces.sso.sessions import DASHBOARD_LIMITS, Limits

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class SignInDoor:
    """One door for one sign-in. `workspace` is None for the dashboard; `guests`: whether the configuration lets any in."""

    runtime: Runtime
    visitor: Actor
    workspace: UUID | None
    guests: bool

    async def domain_verified(self, tx: Tx, domain: str) -> bool:  # noqa: ARG002 - as the protocol has it
        """Whether the organisation has proved that a domain is its own; as long as none can be proved, no."""
        return False

    async def admit(self, tx: Tx, arrival: Arrival) -> Admitted | Denied:
        """Decide; on allow make the account and the membership that the decision asks for (rows M12, W6, W7)."""
        kind = DoorKind.DASHBOARD if self.workspace is None else DoorKind.WORKSPACE
        now = self.runtime.now()
        facts = await load_facts(tx, kind, now, workspace=self.workspace, user_id=arrival.user)
        actor = replace(
            facts.actor,
            stage=Stage.SIGNING_IN,
            way=Way.SSO,
            organisation=tx.tenant,
            session=None,
            standing=Standing.ABSENT if arrival.user is None else facts.actor.standing,
            configuration=arrival.configuration.id,
            configuration_current=True,
            groups=None if arrival.snapshot.groups is None else frozenset(arrival.snapshot.groups),
            guest=arrival.guest,
            authenticated=arrival.authenticated,
            strengths=frozenset(arrival.strength),
        )
        decision = decide(actor, facts.door, now)
        if isinstance(decision, Deny):
            return Denied(decision.reason.value, decision.on_its_way)
        user = arrival.user
        if user is None:
            made = await self._create(tx, arrival)
            if isinstance(made, Denied):
                return made
            user = made
        else:
            await refresh_name(tx, self.runtime, user, _name(arrival))
        person = replace(self.visitor, name=str(user))
        if decision.creates_membership and self.workspace is not None:
            await add_member(tx, self.runtime, self.workspace, user, Origin.SSO, actor=person)
        await record(tx, self.runtime, person, self._happened(arrival, user, decision))
        door = facts.door
        if self.workspace is None:
            return Admitted(user, "dashboard", DASHBOARD_LIMITS)
        assert door.idle is not None, "an open door's times are known"
        assert door.absolute is not None, "an open door's times are known"
        return Admitted(user, "workspace", Limits(door.idle, door.absolute, door.recheck))

    async def _create(self, tx: Tx, arrival: Arrival) -> UUID | Denied:
        """A new account without an address: what a provider says of one proves nothing."""
        try:
            return await create_person(
                tx,
                self.runtime,
                user_name=arrival.subject.user_name or arrival.subject.key,
                display_name=_name(arrival),
                origin=AccountOrigin.SSO,
                actor=self.visitor,
            )
        except Conflict as conflict:
            if conflict.code == Reason.USER_DELETED.value:
                return Denied(Reason.USER_DELETED.value)
            raise Raced from None

    def _happened(self, arrival: Arrival, user: UUID, decision: Allow) -> Happening:
        configuration = str(arrival.configuration.id)
        details = {
            "door": "dashboard" if self.workspace is None else str(self.workspace),
            "user": str(user),
            "appointments": sorted(decision.appointments),
            "roles": sorted(decision.roles),
        }
        return Happening("auth.sso.succeeded", "sso_config", configuration, details=details)


def _name(arrival: Arrival) -> str | None:
    name = arrival.claims.get("name")
    return name.strip()[:_LONGEST_NAME] or None if isinstance(name, str) and name.isprintable() else None

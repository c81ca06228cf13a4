"""Applications are told that a session ended, from server to server (OpenID Connect Back-Channel Logout, check OPR-8)."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog

from rollcall.directory.signin.logout_queue import Telling, claim_logouts, settle_logout
from rollcall.directory.signin.model import Registration
from rollcall.directory.signin.provider import Provider
from rollcall.directory.signin.tokens import pairwise_subject, sign
from rollcall.errors import Unavailable
from rollcall.outbound import FetchFailed, Limits, Reach, ask, open_session

CHANNEL = "directory_logouts"
GIVEN_UP_AFTER = timedelta(minutes=10)
_TOKEN_SECONDS = 120
_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 120.0
_LOOK_EVERY_SECONDS = 5.0
_LIMITS = Limits(10.0, 64 * 1024)
_LEASE = timedelta(seconds=30)
_AT_ONCE = 32
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells what waits until it is stopped; any number of them share the work, and none waits for a slow application."""

    provider: Provider
    reach: Reach

    async def run(self) -> None:
        """Tell until cancelled; through losses of the database."""
        wake = asyncio.Event()
        async with open_session(self.reach, _LIMITS.seconds) as session, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(wake))
            tasks.create_task(self._look(wake))
            tasks.create_task(self._serve(wake, session))

    async def _serve(self, wake: asyncio.Event, session: aiohttp.ClientSession) -> None:
        """Keep as many calls under way as there is room for."""
        under_way: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            under_way.discard(task)
            wake.set()

        async with asyncio.TaskGroup() as tasks:
            while True:
                await wake.wait()
                wake.clear()
                if len(under_way) == _AT_ONCE:
                    continue  # the next one that ends wakes it
                for each in await self._claim(_AT_ONCE - len(under_way)):
                    task = tasks.create_task(self._tell(session, each))
                    under_way.add(task)
                    task.add_done_callback(ended)

    async def _claim(self, most: int) -> list[Telling]:
        """What is due; nothing while the database is away."""
        try:
            return await self.provider.database.system(claim_logouts, self.provider.runtime.now(), _LEASE, most)
        except Unavailable as refusal:
            _log.warning("backchannel_logout_waits", reason=refusal.message)
            return []

    async def _listen(self, wake: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                async with contextlib.aclosing(self.provider.database.listen(CHANNEL)) as payloads:
                    async for _ in payloads:
                        wake.set()
            await self.provider.runtime.sleep(1.0)

    async def _look(self, wake: asyncio.Event) -> None:
        """What is tried again becomes due without anybody telling."""
        while True:
            wake.set()
            await self.provider.runtime.sleep(_LOOK_EVERY_SECONDS)

    async def tell_due(self) -> int:
        """Tell everything that is due now; how many tries that were."""
        tried = 0
        async with open_session(self.reach, _LIMITS.seconds) as session:
            while claimed := await self._claim(_AT_ONCE):
                tried += len(claimed)
                await asyncio.gather(*(self._tell(session, each) for each in claimed))
        return tried

    async def _tell(self, session: aiohttp.ClientSession, telling: Telling) -> None:
        """One try; whatever goes wrong with it, others go on, and its lease ends."""
        try:
            await self._try(session, telling)
        except Unavailable as refusal:
            _log.warning("backchannel_logout_waits", logout=str(telling.id), reason=refusal.message)
        except Exception as error:
            _log.error(
                "backchannel_logout_failed",
                logout=str(telling.id),
                error=type(error).__name__,
                frames=traceback.format_tb(error.__traceback__),
            )

    async def _try(self, session: aiohttp.ClientSession, telling: Telling) -> None:
        registration = await self.provider.registration(str(telling.app_id))
        if registration is None or registration.backchannel_logout_url is None:
            await self.provider.database.system(settle_logout, telling.id, None)
            return
        outcome, again = await self._answer(session, registration.backchannel_logout_url, registration, telling)
        now = self.provider.runtime.now()
        due = next_try(telling, now) if again else None
        await self.provider.database.system(settle_logout, telling.id, due)
        _log.info(
            "backchannel_logout", application=str(telling.app_id), session=str(telling.session_id), outcome=outcome,
            tries=telling.tries + 1, tried_again=due is not None,
        )  # fmt: skip

    async def _answer(
        self, session: aiohttp.ClientSession, url: str, registration: Registration, telling: Telling
    ) -> tuple[str, bool]:
        """What came back, in a word, and whether trying again may help."""
        token = sign(await self.provider.keys.keys(), self._claims(registration, telling), "logout+jwt")
        try:
            answered = await ask(session, "POST", url, self.reach, _LIMITS, form={"logout_token": token})
        except FetchFailed as failed:
            if failed.reason == "not_json":
                return "told", False  # an answer that says nothing more than that all is well
            return failed.reason, failed.reason not in ("address_not_allowed", "redirect")
        if 200 <= answered.status < 300:
            return "told", False
        return f"answered_{answered.status}", answered.status >= 500 or answered.status == 429

    def _claims(self, registration: Registration, telling: Telling) -> dict[str, Any]:
        runtime, app_id = self.provider.runtime, registration.app_id
        moment = int(runtime.now().timestamp())
        return {
            "iss": self.provider.issuer(telling.tenant),
            "sub": pairwise_subject(self.provider.sealer, app_id, telling.tenant, telling.user_id),
            "aud": str(app_id),
            "iat": moment,
            "exp": moment + _TOKEN_SECONDS,
            "jti": str(runtime.new_id()),
            "sid": str(telling.session_id),
            "events": {_EVENT: {}},
        }


def next_try(telling: Telling, now: datetime) -> datetime | None:
    """When to try again: after 2, 4, 8 … seconds, for ten minutes; None when that time is over."""
    pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**telling.tries)
    due = now + timedelta(seconds=pause)
    return due if due - telling.created <= GIVEN_UP_AFTER else None

"""A job's webhooks as rows: added with a secret that is shown once, listed, given another secret, disabled, removed."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.outbound import Reach, client_host, refused_address
from rollcall.provisioning.notice_rules import EVENTS
from rollcall.provisioning.webhook_signature import print_secret
from rollcall.runtime import Runtime, new_secret

WEBHOOKS_AT_MOST = 20
OLD_SECRET_KEPT_FOR = timedelta(hours=24)
_URL_CHARACTERS = 2048
_ANYWHERE = Reach(private=True)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One endpoint of a job, without its secret. `disabled_because` says why it is sent nothing any more."""

    id: UUID
    url: str
    events: tuple[str, ...]
    created: datetime
    disabled: datetime | None
    disabled_because: str | None


_COLUMNS = "id, url, events, created, disabled, disabled_because"


async def add_webhook(
    tx: Tx,
    runtime: Runtime,
    sealer: Sealer,
    job_id: UUID,
    url: str,
    events: Sequence[str] = (),
    reach: Reach = _ANYWHERE,
) -> tuple[Webhook, str]:
    """Add an endpoint, of all events unless some are named; the endpoint, and its secret, which can't be read again.

    Raises Invalid for a URL or an event that is none, or an address beyond `reach`; Conflict for a URL that is there already or too many, NotFound.
    """
    url, wanted = check_webhook_url(url, reach), check_events(events)
    if await tx.one("select from provisioning.jobs where id = %s for no key update", [job_id]) is None:
        raise NotFound(f"There is no job {job_id}.")
    present = await list_webhooks(tx, job_id)
    if any(each.url == url for each in present):
        raise Conflict(f"The job has a webhook to {url} already. Remove that one first, or rotate its secret.")
    if len(present) >= WEBHOOKS_AT_MOST:
        raise Conflict(f"A job has {WEBHOOKS_AT_MOST} webhooks at most. Remove one first.")
    webhook = Webhook(runtime.new_id(), url, wanted, runtime.now(), None, None)
    secret = _new_webhook_secret()
    await tx.run(
        """
        insert into provisioning.webhooks (job_id, id, url, events, sealed_secret, created)
        values (%s, %s, %s, %s, %s, %s)
        """,
        [job_id, webhook.id, url, list(wanted), sealer.seal(secret, _context(webhook.id)), webhook.created],
    )
    return webhook, secret


async def list_webhooks(tx: Tx, job_id: UUID) -> list[Webhook]:
    """The job's webhooks, oldest first."""
    rows = await tx.all(f"select {_COLUMNS} from provisioning.webhooks where job_id = %s order by id", [job_id])
    return [_webhook(row) for row in rows]


async def find_webhook(tx: Tx, job_id: UUID, wanted: str) -> Webhook:
    """The webhook of this id or URL; "" finds the only one. Raises NotFound naming what there is."""
    present = await list_webhooks(tx, job_id)
    if not wanted and len(present) == 1:
        return present[0]
    for each in present:
        if wanted in (str(each.id), each.url):
            return each
    known = ", ".join(f"{each.url} ({each.id})" for each in present) or "none yet"
    told = f"There is no webhook {wanted!r}." if wanted else "Say which webhook."
    raise NotFound(f"{told} Webhooks: {known}.")


async def remove_webhook(tx: Tx, job_id: UUID, webhook_id: UUID) -> None:
    """Forget a webhook, what waits for it, and its log."""
    await tx.run("delete from provisioning.webhooks where job_id = %s and id = %s", [job_id, webhook_id])


async def rotate_secret(tx: Tx, runtime: Runtime, sealer: Sealer, job_id: UUID, webhook_id: UUID) -> str:
    """Give a webhook another secret; for a day the old one signs as well. A disabled webhook is switched on again.

    Raises NotFound.
    """
    secret = _new_webhook_secret()
    changed = await tx.run(
        """
        update provisioning.webhooks set old_sealed_secret = sealed_secret, old_secret_until = %s, sealed_secret = %s,
            disabled = null, disabled_because = null, failing_since = null
        where job_id = %s and id = %s
        """,
        [runtime.now() + OLD_SECRET_KEPT_FOR, sealer.seal(secret, _context(webhook_id)), job_id, webhook_id],
    )
    if not changed:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return secret


async def read_secrets(tx: Tx, sealer: Sealer, job_id: UUID, webhook_id: UUID, now: datetime) -> tuple[str, ...]:
    """The secrets that sign now, the newest first. Raises NotFound, Unavailable."""
    row = await tx.one(
        """
        select sealed_secret, old_sealed_secret, old_secret_until from provisioning.webhooks
        where job_id = %s and id = %s
        """,
        [job_id, webhook_id],
    )
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return secrets_of(sealer, webhook_id, row, now)


def secrets_of(sealer: Sealer, webhook_id: UUID, sealed: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    """The secrets in a webhook's row that sign now. Raises Unavailable when a seal can't be opened."""
    rows = [sealed["sealed_secret"]]
    if sealed["old_secret_until"] is not None and now < sealed["old_secret_until"]:
        rows.append(sealed["old_sealed_secret"])
    return tuple(sealer.open(bytes(each), _context(webhook_id)) for each in rows)


def _webhook(row: dict[str, Any]) -> Webhook:
    return Webhook(**{**row, "events": tuple(row["events"])})


def _context(webhook_id: UUID) -> str:
    return f"provisioning.webhooks:{webhook_id}"


def _new_webhook_secret() -> str:
    # 256 bits, as Standard Webhooks recommends between 192 and 512.
    return print_secret(base64.urlsafe_b64decode(new_secret() + "="))


def check_events(events: Sequence[str]) -> tuple[str, ...]:
    """The events, each once; all of them for none. Raises Invalid naming what there is."""
    known = tuple(EVENTS.values())
    unknown = tuple(f"{each!r} is no event; there are {', '.join(known)}." for each in events if each not in known)
    if unknown:
        raise Invalid(unknown[0], details=unknown)
    wanted = tuple(each for each in known if each in events) or known
    if wanted == (EVENTS["well"],):
        raise Invalid(
            f"{EVENTS['well']} is told to those who were told of trouble; name an event of trouble beside it, "
            f"such as {EVENTS['quarantine']}."
        )
    return wanted


def check_webhook_url(url: str, reach: Reach = _ANYWHERE) -> str:
    """The URL without blanks around it. Raises Invalid with the rule that it breaks.

    What its host's name stands for is looked at whenever something is sent.
    """
    url = url.strip()
    try:
        parts, host = urlsplit(url), client_host(url)
        port = parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in ("https", "http") or not host or port == 0 or not url.isprintable() or " " in url:
        raise Invalid(f"The URL {url!r} is no address such as https://hooks.example.com/rollcall.")
    if len(url) > _URL_CHARACTERS:
        raise Invalid(f"The URL of a webhook has {_URL_CHARACTERS} characters at most.")
    if parts.username or parts.password or parts.fragment:
        raise Invalid("The URL of a webhook has no user, password or fragment; its requests are signed instead.")
    if parts.scheme == "http" and not is_loopback(host):
        raise Invalid(f"The URL {url!r} is not encrypted; https is required, except on this machine itself.")
    if why := refused_address(host, reach):
        setting = "" if reach.private else " (webhooks.private_addresses is false)"
        raise Invalid(f"No webhook goes to {url!r}: {why}{setting}.")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, as its name or address says."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

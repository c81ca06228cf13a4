"""`rollcall job notices` and `rollcall job webhook`: who was told what of a job, and the webhooks that are."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import mail, output
from rollcall.cli.job_plan import JobName
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, counted, moment
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, Failed, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Unavailable
from rollcall.main import Parts
from rollcall.provisioning import Delivery, Job, LoggedAttempt, ToldNotice, Webhook

app = typer.Typer(
    no_args_is_help=True, help="Webhooks of a job: signed requests that tell a program what needs somebody."
)

JobOption = Annotated[
    str | None, typer.Option("--job", metavar="JOB", help="The job's name or id; needed only when there are several.")
]
WebhookName = Annotated[
    str | None,
    typer.Argument(metavar="WEBHOOK", help="The webhook's URL or id; needed only when the job has several."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many to show, the newest first.")]


def notices(
    job: JobName = None,
    limit: Limit = 20,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what was told of a job: when, why, to whom, and whether it was delivered.

    Example: rollcall job notices

    Example: rollcall job notices Example --limit 5 --json
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        told = await db.read(provisioning.list_notices, found.id, limit)
        configured = parts.ways.mail is not None

        def show(console: Console) -> None:
            for each in told:
                _show_notice(console, each)
            if not told:
                output.note(_nobody_told(found))
            waiting = any(d.channel == "mail" and d.state == "pending" for each in told for d in each.deliveries)
            if waiting and not configured:
                output.note(mail.NOT_CONFIGURED)

        return Answer({"mail_configured": configured, "notices": told}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _nobody_told(job: Job) -> str:
    name = output.shell_word(job.display_name)
    if job.settings.notification_emails:
        return f"Nothing had to be told of {job.display_name} so far."
    return (
        f"Nothing had to be told of {job.display_name} so far. To be told by mail: "
        f"rollcall job settings {name} notification_emails=ADDRESS notify_on_failure=true"
    )


def _show_notice(console: Console, told: ToldNotice) -> None:
    console.print(f"[bold]{moment(told.at)} UTC  {output.safe(told.kind)}[/]  {output.safe(told.reason)}")
    console.print(f"  {output.safe(output.shown_value(told.message))}")
    for each in told.deliveries:
        console.print(f"  {output.safe(each.channel)} to {output.safe(each.recipient)}: {output.safe(_result(each))}")
    if not told.deliveries:
        console.print("  [dim]Nobody is told of this: no notification email and no webhook takes it.[/]")


def _result(delivery: Delivery) -> str:
    tries = counted(delivery.attempts, "attempt")
    if delivery.state == "delivered":
        return f"delivered {moment(delivery.last_attempt)} UTC after {tries}"
    if delivery.state == "failed":
        return f"failed after {tries}. {delivery.answer}"
    if not delivery.attempts:
        return "waits to be sent"
    return f"failed so far, {tries}; next {moment(delivery.next_attempt)} UTC. {delivery.answer}"


# ── webhooks ───────────────────────────────────────────────────────────────────────────────────


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the requests go; https, but for this machine.")],
    events: Annotated[
        str | None,
        typer.Option(
            "--events",
            metavar="EVENT,EVENT",
            help=f"Which events; all without it. There are {', '.join(provisioning.EVENTS.values())}.",
        ),
    ] = None,
    job: JobOption = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Have a job tell a program, and print, this once, the secret that its requests are signed with.

    Example: rollcall job webhook add https://hooks.contoso.com/rollcall

    Example: rollcall job webhook add https://hooks.contoso.com/rollcall --events job.quarantined,job.well
    """
    wanted = [each.strip() for each in (events or "").split(",") if each.strip()]

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        webhook, secret = await db.write(
            provisioning.add_webhook, parts.runtime, parts.sealer, found.id, url, wanted, parts.ways.webhooks.reach
        )

        def show(console: Console) -> None:
            rows = [("webhook", webhook.id), ("URL", webhook.url), ("events", ", ".join(webhook.events))]
            output.pairs(console, [*rows, ("secret", secret)])
            output.note("The secret is shown only now; give it to the program that takes the requests.")
            output.note("Try it: rollcall job webhook test")

        return Answer({"webhook": webhook, "secret": secret}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("list")
def list_all(
    job: JobOption = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List a job's webhooks; their secrets are shown to nobody.

    Example: rollcall job webhook list
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        webhooks = await db.read(provisioning.list_webhooks, (await job_named(db, job)).id)

        def show(console: Console) -> None:
            rows = [(each.url, _state(each), ", ".join(each.events), each.id) for each in webhooks]
            output.table(console, ("URL", "state", "events", "id"), rows)
            if not webhooks:
                output.note("The job has no webhook. Add one: rollcall job webhook add URL")

        return Answer({"webhooks": webhooks}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _state(webhook: Webhook) -> str:
    if webhook.disabled is None:
        return "on"
    return f"disabled {moment(webhook.disabled)} UTC: {webhook.disabled_because}"


@app.command()
def remove(
    webhook: WebhookName = None,
    job: JobOption = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing more to a webhook, and forget it with its log.

    Example: rollcall job webhook remove https://hooks.contoso.com/rollcall
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        gone = await db.read(provisioning.find_webhook, found.id, webhook or "")
        await db.write(provisioning.remove_webhook, found.id, gone.id)
        return Answer({"webhook_id": gone.id}, lambda console: console.print(output.safe(f"Removed {gone.url}.")))

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def rotate(
    webhook: WebhookName = None,
    job: JobOption = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new secret and print it; for 24 hours requests are signed with the old one as well.

    A webhook that was disabled is switched on again.

    Example: rollcall job webhook rotate
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        one = await db.read(provisioning.find_webhook, found.id, webhook or "")
        secret = await db.write(provisioning.rotate_secret, parts.runtime, parts.sealer, found.id, one.id)

        def show(console: Console) -> None:
            output.pairs(console, [("webhook", one.id), ("URL", one.url), ("secret", secret)])
            output.note("The secret is shown only now. The old one signs beside it for 24 hours.")

        return Answer({"webhook_id": one.id, "secret": secret}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("test")
def run_test(
    webhook: WebhookName = None,
    job: JobOption = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a webhook a signed test request now, and print what it answered.

    Example: rollcall job webhook test
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        one = await db.read(provisioning.find_webhook, found.id, webhook or "")
        attempt = await provisioning.send_test_webhook(parts.provisioning, parts.ways, db.tenant, found.id, one)
        told = f"{attempt.answer} ({attempt.duration_milliseconds} ms)"
        if not attempt.delivered:
            raise Failed(Unavailable(told, code="webhook_not_delivered"))
        return Answer(attempt, lambda console: console.print(output.safe(told)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def log(
    webhook: WebhookName = None,
    limit: Limit = 20,
    job: JobOption = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the requests a webhook was sent: when, of what, what it answered and how long that took.

    Example: rollcall job webhook log --limit 5
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        one = await db.read(provisioning.find_webhook, found.id, webhook or "")
        attempts = await db.read(provisioning.webhook_log, found.id, one.id, limit)

        def show(console: Console) -> None:
            columns = ("at", "event", "attempt", "status", "ms", "delivery", "answer")
            output.table(console, columns, [_row(each) for each in attempts])
            if not attempts:
                output.note("The webhook was sent nothing so far. Try it: rollcall job webhook test")

        return Answer({"webhook": one, "attempts": attempts}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _row(each: LoggedAttempt) -> tuple[object, ...]:
    event = "webhook.test" if each.kind is None else provisioning.EVENTS[each.kind]
    state = f"next {moment(each.next_attempt)}" if each.state == "pending" else each.state
    return each.at, event, each.number, each.status, each.duration_milliseconds, state, each.answer

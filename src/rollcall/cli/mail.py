"""`rollcall mail`: whether mails leave this installation."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, Failed, print_answer, quiet, ring
from rollcall.errors import Invalid, Unavailable
from rollcall.mail import NotSent
from rollcall.main.opening import mail_server, set_up_log
from rollcall.runtime import SystemRuntime

app = typer.Typer(no_args_is_help=True, help="Whether mails leave this installation.")

NOT_CONFIGURED = (
    "No mail server is configured, so mails are kept and not sent. Set mail.host and mail.sender in rollcall.toml, "
    "or ROLLCALL_MAIL_HOST and ROLLCALL_MAIL_SENDER."
)


@app.command("test")
def run_test(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address to send a mail to.")],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a test mail with the configured mail server, and print what the server answered.

    Example: rollcall mail test ops@contoso.com
    """
    with ring(as_json) as known:
        loaded = known.config = At(data, config).load()
        set_up_log(quiet(loaded))
        server = mail_server(loaded)
        if server is None:
            raise Invalid(NOT_CONFIGURED, code="mail_not_configured")
        runtime = SystemRuntime()
        sent = asyncio.run(provisioning.send_test_mail(server, runtime, address, loaded.identity.base_url))
        if isinstance(sent, NotSent):
            raise Failed(Unavailable(sent.reason, code="mail_not_sent"))
        told = f"{server.host} took the mail for {address}: {sent.answer}"
        data_ = {"recipient": address, "server": server.host, "status": sent.status, "answer": sent.answer}
        print_answer(Answer(data_, lambda console: console.print(output.safe(told))), as_json)

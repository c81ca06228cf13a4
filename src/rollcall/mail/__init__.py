"""The mail kit: a mail as it goes over the wire, and the server it is handed to."""

from rollcall.mail.message import Mail, MailServer, Security, one_line, write_mail
from rollcall.mail.smtp import NotSent, Sent, send_mail

__all__ = ["Mail", "MailServer", "NotSent", "Security", "Sent", "one_line", "send_mail", "write_mail"]

"""The mail side: a server that takes every mail, from whoever signs in where a login is asked for."""

import asyncio
import email
import socket
import time
from collections.abc import Coroutine
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

from aiosmtpd.controller import BaseThreadedController
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitoring.receivers.notices import Notice, Notices

Login = tuple[str, str]
READY_SECONDS = 60  # on a busy machine


class Postbox:
    """aiosmtpd's handler."""

    def __init__(self, notices: Notices, login: Login | None) -> None:
        self.notices = notices
        self.login = login

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.content or b"", policy=modern)  # type: ignore[arg-type]
        self.notices.add(notice_of(mail, envelope.rcpt_tos))
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=self.login is None or given == self.login, handled=False)


def notice_of(mail: EmailMessage, receivers: list[str]) -> Notice:
    """The mail with all its readable parts."""
    texts = (part.get_content() for part in mail.walk() if part.get_content_maintype() == "text")
    parts = [text.replace("\r\n", "\n") for text in texts]
    return Notice(
        kind="email",
        channel=", ".join(receivers),
        title=str(mail["Subject"]),
        text="\n".join([str(mail["Subject"]), *parts]),
        body={"headers": {name: str(value) for name, value in mail.items()}, "parts": parts},
        at=time.time(),
    )


class Door(SMTP):
    """aiosmtpd's server, with the questions of AUTH LOGIN that clients look for."""

    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"


class MailServer(BaseThreadedController):
    """Listens from its making on; serves between start() and stop()."""

    def __init__(self, notices: Notices, *, port: int = 0, login: Login | None = None) -> None:
        postbox = Postbox(notices, login)
        self.socket = socket.create_server(("127.0.0.1", port))
        super().__init__(
            postbox, authenticator=postbox.authenticate, auth_require_tls=False, ready_timeout=READY_SECONDS
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def factory(self) -> SMTP:
        return Door(self.handler, **self.SMTP_kwargs)

    def _create_server(self) -> Coroutine[Any, Any, asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self.socket)

    def _trigger_server(self) -> None:
        with socket.create_connection(self.socket.getsockname(), timeout=READY_SECONDS) as visitor:
            visitor.recv(1)

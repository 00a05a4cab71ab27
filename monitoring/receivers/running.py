"""All stand-ins together, for as long as a test, a drill or a laptop's monitoring runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from monitoring.receivers.chat import ChatServer
from monitoring.receivers.mail import Login, MailServer
from monitoring.receivers.notices import Notice, Notices


class Receivers:
    """Addresses to send to, and what came there. `failing["slack"] = 503` lets one of them refuse."""

    def __init__(self, *, chat: ChatServer, mail: MailServer, notices: Notices) -> None:
        self.slack_url = f"{chat.url}/services/T00000000/B00000000/standin"
        self.discord_url = f"{chat.url}/api/webhooks/100000000000000000/standin"
        self.webhook_url = f"{chat.url}/webhook"
        self.heartbeat_url = f"{chat.url}/heartbeat"
        self.smtp_address = mail.address
        self.failing = chat.failing
        self.notices = notices

    @property
    def settings(self) -> dict[str, str]:
        """What the entry script of Alertmanager reads, so that every channel leads here."""
        return {
            "SLACK_WEBHOOK_URL": self.slack_url,
            "DISCORD_WEBHOOK_URL": self.discord_url,
            "HEARTBEAT_URL": self.heartbeat_url,
            "SMTP_SMARTHOST": self.smtp_address,
            "SMTP_FROM": "alertmanager@shop.example",
            "SMTP_REQUIRE_TLS": "false",
            "ALERT_EMAIL_TO": "oncall@shop.example",
        }

    def of(self, kind: str) -> list[Notice]:
        """What came to one of them."""
        return self.notices.matching(lambda notice: notice.kind == kind)

    def wait_for(self, condition: Callable[[Notice], bool], *, seconds: float = 30) -> Notice:
        """The first notice that fulfils the condition. Raises TimeoutError, with what came instead."""
        return self.notices.wait_for(condition, seconds=seconds)


@contextmanager
def running(
    *, http_port: int = 0, smtp_port: int = 0, login: Login | None = None, log: Path | None = None
) -> Iterator[Receivers]:
    """Serve on loopback; port 0 is any free one. `log` also gets each notice, as a line of JSON."""
    notices = Notices(log)
    chat, mail = ChatServer(notices, http_port), MailServer(notices, port=smtp_port, login=login)
    thread = threading.Thread(target=chat.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    mail.start()
    try:
        yield Receivers(chat=chat, mail=mail, notices=notices)
    finally:
        mail.stop()
        chat.shutdown()
        chat.server_close()
        thread.join()

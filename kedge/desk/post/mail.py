"""Notices by e-mail, over SMTP with STARTTLS or TLS.

The standard library's client speaks, in a thread: a slow mail server holds up nobody else. The Message-ID is
made from the message's key, so that a mail that came twice can be known by it.
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage

from kedge.desk.notices import Notice
from kedge.desk.post.messages import Message, subject
from kedge.desk.post.sender import SENT, Verdict
from kedge.settings import MailSettings, Secret

TIMEOUT_S = 30.0


class MailSender:
    channel = "mail"

    def __init__(
        self,
        settings: MailSettings,
        password: Secret | None,
        wants: Callable[[Notice], bool],
        desk: str = "kedge",
    ) -> None:
        self._settings, self._password, self._desk = settings, password, desk
        self._wants = wants

    def wants(self, notice: Notice) -> bool:
        return self._wants(notice)

    async def refresh(self) -> None:
        pass

    async def send(self, message: Message) -> Verdict:
        return await asyncio.to_thread(self._deliver, self._written(message))

    async def close(self) -> None:
        pass

    def _written(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.to)
        mail["Subject"] = f"[{self._desk}] {' '.join(subject(message).split())}"
        made = hashlib.sha256(message.key.encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{made}@kedge.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text + "\n")
        return mail

    def _deliver(self, mail: EmailMessage) -> Verdict:
        where = f"{self._settings.server}:{self._settings.port}"
        try:
            with self._connected() as server:
                if self._password is not None:
                    server.login(self._settings.user, self._password.reveal())
                server.send_message(mail)
        except smtplib.SMTPAuthenticationError:
            name = self._settings.password
            return Verdict("later", f"{where} does not accept the user or the password (secret {name})", 300)
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            never = all(500 <= code < 600 for code in codes)
            return Verdict("never" if never else "later", f"{where} refuses every address in `to`")
        except smtplib.SMTPNotSupportedError:
            return Verdict(
                "later", f"{where} does not know what is asked of it; see `security` in [mail]", 300
            )
        except smtplib.SMTPResponseException as answer:
            never = answer.smtp_code in (552, 554) and not isinstance(answer, smtplib.SMTPConnectError)
            return Verdict("never" if never else "later", f"{where} answered {answer.smtp_code}")
        except ssl.SSLCertVerificationError:
            return Verdict("later", f"the certificate of {where} cannot be trusted; see `ca` in [mail]", 300)
        except FileNotFoundError:
            return Verdict("later", f"there is no file {self._settings.ca}; see `ca` in [mail]", 300)
        except (smtplib.SMTPException, OSError) as error:
            return Verdict("later", f"{where} cannot be reached ({type(error).__name__})")
        return SENT

    def _connected(self) -> smtplib.SMTP:
        chosen = self._settings
        context = ssl.create_default_context(cafile=chosen.ca or None)
        if chosen.security == "tls":
            return smtplib.SMTP_SSL(chosen.server, chosen.port, timeout=TIMEOUT_S, context=context)
        server = smtplib.SMTP(chosen.server, chosen.port, timeout=TIMEOUT_S)
        if chosen.security == "starttls":
            try:
                server.starttls(context=context)
            except (smtplib.SMTPException, OSError):
                server.close()
                raise
        return server

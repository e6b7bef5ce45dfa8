"""Notices by e-mail, over SMTP with STARTTLS or TLS.

The standard library's client speaks, in a thread: a slow mail server holds up nobody else. The Message-ID is
made from the message's key, so that a mail that came twice can be known by it.
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage

from kedge.desk.notices import Notice
from kedge.desk.post.languages import Languages
from kedge.desk.post.messages import Message, pack, subject
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
        languages: Languages | None = None,
    ) -> None:
        self._languages = languages or Languages(None, {}, "en")
        # What readers of a language have already, while another language's mail must be tried again.
        self._have: dict[str, set[str]] = {}
        self._settings, self._password, self._desk = settings, password, desk
        self._wants = wants

    def wants(self, notice: Notice) -> bool:
        return self._wants(notice)

    async def refresh(self) -> None:
        pass

    async def send(self, message: Message) -> Verdict:
        return await asyncio.to_thread(self._send, message)

    async def close(self) -> None:
        pass

    def _send(self, message: Message) -> Verdict:
        """One mail per language; it is delivered when all of them are."""
        verdicts: list[Verdict] = []
        for language, to in self._languages.groups(self._settings.to).items():
            had = self._have.setdefault(language, set())
            new = [notice for notice in message.notices if notice.key not in had]
            if not new:
                verdicts.append(SENT)
                continue
            mine = message if len(new) == len(message.notices) else pack(new)
            verdict = self._deliver(self._written(mine, language, to))
            if verdict.state != "later":
                had.update(notice.key for notice in mine.notices)
            verdicts.append(verdict)
        if later := [one for one in verdicts if one.state == "later"]:
            return max(later, key=lambda one: one.wait_s)
        self._have.clear()
        return SENT if SENT in verdicts else verdicts[0]

    def _written(self, message: Message, language: str, to: Sequence[str]) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(to)
        mail["Subject"] = f"[{self._desk}] {' '.join(subject(message, language).split())}"
        made = hashlib.sha256(message.key.encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{made}@kedge.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text_in(language) + "\n")
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

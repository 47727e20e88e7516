"""A played scanner: a mail server that takes whatever comes, puts a field of its own on top, and gives it back to one host."""

import re
import smtplib
import socketserver
import threading
import time

from kit.sink import Talker

# Not the address that tests connect from, so that a server can tell them apart.
ADDRESS = "127.0.0.2"


class Scanner:
    """`dsn`: whether it knows delivery reports (RFC 3461) and hands their parameters on. `delay`: seconds before it gives back.
    `keeps`: whether it keeps the field that came with the message."""

    def __init__(self, dsn=False, delay=0, port=0, keeps=True):
        self.dsn, self.delay, self.keeps = dsn, delay, keeps
        self.back = None
        self.taken = []
        self.replies = []
        scanner = self

        class Handler(Talker):
            def converse(self):
                self.say("220 scanner.test ESMTP")
                mail, recipients = "", []
                while line := self.rfile.readline():
                    command = line.decode("utf-8", "replace").strip()
                    verb = command[:4].upper()
                    if verb == "EHLO":
                        offers = ["scanner.test", "8BITMIME", *(["DSN"] if scanner.dsn else [])]
                        for offer in offers[:-1]:
                            self.say(f"250-{offer}")
                        self.say(f"250 {offers[-1]}")
                    elif verb == "MAIL":
                        mail, recipients = command[len("MAIL FROM:"):], []
                        self.say("250 2.1.0 ok")
                    elif verb == "RCPT":
                        recipients.append(command[len("RCPT TO:"):])
                        self.say("250 2.1.5 ok")
                    elif verb == "DATA":
                        self.say("354 go on")
                        body = b""
                        while (line := self.rfile.readline()) not in (b".\r\n", b""):
                            body += line[1:] if line.startswith(b".") else line
                        if line == b"":
                            return
                        scanner.taken.append((mail, recipients, body))
                        self.say("250 2.0.0 taken")
                        threading.Thread(target=scanner.give_back, args=(mail, recipients, body), daemon=True).start()
                    elif verb == "QUIT":
                        return self.say("221 2.0.0 bye")
                    else:
                        self.say("250 2.0.0 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]

    def give_back(self, mail, recipients, body):
        """Hands a message to the host at port `back`, with the parameters of delivery reports if it knows them."""
        time.sleep(self.delay)
        if not self.keeps:
            body = re.sub(rb"(?m)^Heliograph-Detour:.*\r\n([ \t].*\r\n)*", b"", body)
        path, *parameters = mail.split(" ")
        parameters = [one for one in parameters if self.dsn and one.split("=")[0] in ("RET", "ENVID")]
        with smtplib.SMTP("127.0.0.1", self.back, local_hostname="scanner.test", source_address=(ADDRESS, 0)) as client:
            client.ehlo()
            replies = [client.docmd(" ".join([f"MAIL FROM:{path}", *parameters]))]
            for recipient in recipients:
                path, *wishes = recipient.split(" ")
                replies.append(client.docmd(" ".join([f"RCPT TO:{path}", *(wishes if self.dsn else [])])))
            try:
                replies.append(client.data(b"X-Scanned: clean\r\n" + body))
            except smtplib.SMTPDataError as refused:
                replies.append((refused.smtp_code, refused.smtp_error))
        self.replies.append(replies)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

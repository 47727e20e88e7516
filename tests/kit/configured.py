"""A demo server with settings of a test's own, and ways to send it mail octet by octet."""

import smtplib

from kit.server import Server


def configured(folder, settings="", prepare=None):
    """A server that is not running yet: its folder is made by a first start, then the settings are added."""
    server = Server(folder)
    with server:
        if prepare:
            prepare(server)
    file = server.data / "heliograph.toml"
    file.write_text(f"{file.read_text()}\n{settings}\n")
    server.command("config", "check", str(file))
    return server


def routed(domain, port):
    """The settings by which a domain's mail goes to a port of this machine, and is tried again at once."""
    return f'[[routes]]\ndomain = "{domain}"\nhost = "127.0.0.1:{port}"\n\n[queue]\nretry = ["1s"]\n'


def names(**hosts):
    """The `[dns]` section by which each domain's mail goes to a port of this machine."""
    entries = []
    for domain, port in hosts.items():
        domain = domain.replace("_", ".")
        entries += [f'"{domain} mx 10 mx.{domain}"', f'"mx.{domain} a 127.0.0.1:{port}"']
    return f"[dns]\nstatic = [{', '.join(entries)}]\n"


def submit(server, recipients, message, sender=None):
    """Sends as alice, who has logged in."""
    with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
        client.login(server.alice.address, server.alice.password)
        client.sendmail(sender or server.alice.address, recipients, message)


def bring(server, recipients, message, sender="someone@far.test"):
    """Sends as a stranger."""
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.sendmail(sender, recipients, message)


def waiting(server, channel):
    """How many messages wait in a channel."""
    return {one["channel"]: one for one in server.json("queue", "summarize")}[channel]["messages"]


def body_of(message: bytes) -> bytes:
    return message.split(b"\r\n\r\n", 1)[1]

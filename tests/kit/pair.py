"""Two servers, one that sends and one that takes mail, and what the name service knows of them."""

import re
import smtplib

MESSAGE = b"From: alice@example.test\r\nTo: friend@far.test\r\nSubject: to others\r\n\r\n.hello\r\n"


def configure(server, names, authentication="", more=""):
    """Adds names and settings to those of a server that is not running."""
    path = server.data / "heliograph.toml"
    known = ", ".join(f'"{name}"' for name in names)
    settings = re.split(r"\n\[(?:dns|authentication|tls)\]", path.read_text())[0]
    path.write_text(f"{settings}\n[dns]\nstatic = [{known}]\n[authentication]\n{authentication}\n{more}\n")
    server.command("config", "check", str(path))


def published(server):
    """What the owner of example.test publishes."""
    keys = [f"{key['name']} txt {key['text']}" for key in server.keys]
    return keys + ["example.test txt v=spf1 ip4:127.0.0.1 -all", "_dmarc.example.test txt v=DMARC1; p=reject"]


def way_to(far):
    return ["far.test mx 10 localhost", f"localhost a 127.0.0.1:{far.port('smtp')}"]


def submit(server, recipients=("friend@far.test",), message=MESSAGE):
    with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
        client.login(server.alice.address, server.alice.password)
        client.sendmail(server.alice.address, list(recipients), message)


def waiting(server):
    return [message for message in server.json("queue", "list") if message["sender"] == server.alice.address]

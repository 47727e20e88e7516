"""Servers with settings of their own: a meter alone, and nodes that ask it."""

import os
import random
import socket
import urllib.request
from pathlib import Path

from kit.server import Server

SECRET = "a secret that all nodes know"
PORTS = (20000, 32000)


def free_port() -> int:
    """A port that is free, for settings that must name one before anything listens. It is none of those that the system
    gives to outgoing connections, so that it stays free until it is used."""
    while True:
        port = random.randrange(*PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            continue  # taken


def listener(protocol: str, port: int = 0) -> str:
    return f'[[listeners]]\nprotocol = "{protocol}"\naddress = "127.0.0.1:{port}"\ntls = "never"\n'


def node(folder: Path, settings: str, roles=None) -> Server:
    """A server that is run with these settings; not started."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "heliograph.toml"
    head = f'[server]\nhost = "{folder.name}.test"\ndata = "{folder / "data"}"\nshutdown_grace = "2s"\n'
    file.write_text(head + settings)
    arguments = ["serve", "--config", str(file)] + (["--role", roles] if roles else [])
    server = Server(folder, arguments, {"HELIOGRAPH_CONFIG": str(file)})
    server.settings_file = file
    return server


def metric(server: Server, name: str, **labels) -> float:
    """The sum of all series of a metric that carry these labels."""
    url = f"http://127.0.0.1:{server.port('admin')}/metrics"
    text = urllib.request.urlopen(url, timeout=30).read().decode()
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    total = 0.0
    for line in text.splitlines():
        if line.startswith((name + " ", name + "{")) and all(want in line for want in wanted):
            total += float(line.rsplit(" ", 1)[1])
    return total


def log_of(server: Server) -> str:
    return (server.folder / "server.log").read_text(errors="replace")


def pause(server: Server):
    """The process stands still: its sockets stay open and nothing answers."""
    os.kill(server.process.pid, 19)


def resume(server: Server):
    os.kill(server.process.pid, 18)

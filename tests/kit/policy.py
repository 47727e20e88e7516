"""A demo server with a policy: settings added to those of the demo, and a mapping file that can be replaced."""

from kit.server import Server


def prepare(folder, mappings="", settings=""):
    """A server that has run once, so that it has settings, and has a policy for the next time."""
    server = Server(folder)
    with server:
        pass
    write(server, mappings)
    file = server.data / "heliograph.toml"
    file.write_text(f'{file.read_text()}\n[policy]\nmappings = "mappings"\n{settings}')
    server.command("config", "check", str(file))
    return server


def write(server, mappings):
    (server.data / "mappings").write_text(mappings)

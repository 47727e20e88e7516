"""Maildirs, as synchronising clients leave them."""

from pathlib import Path

FLAGS = {"F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted", "D": "\\Draft"}


def content(folder: Path):
    """{message without the client's own fields: flags} of a Maildir folder."""
    found = {}
    for part in ("cur", "new"):
        for file in sorted((folder / part).glob("*")):
            info = file.name.rsplit(":2,", 1)
            flags = {FLAGS[letter] for letter in (info[1] if len(info) == 2 else "") if letter in FLAGS}
            found[subject(file.read_bytes())] = flags
    return found


def subject(message: bytes) -> str:
    for line in message.splitlines():
        if line.lower().startswith(b"subject:"):
            return line.split(b":", 1)[1].strip().decode()
        if not line:
            break
    return ""


def file_of(folder: Path, wanted: str) -> Path:
    """The file of the one message with this subject."""
    files = [file for part in ("cur", "new") for file in (folder / part).iterdir()]
    [found] = [file for file in files if subject(file.read_bytes()) == wanted]
    return found


def on_server(connection, folder="INBOX"):
    """The same picture of a mailbox over IMAP."""
    import re

    connection.select(folder)
    _, parts = connection.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    found = {}
    for part in parts:
        if isinstance(part, tuple):
            names = set(re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).decode().split())
            found[subject(part[1])] = names & set(FLAGS.values())
    return found


def put(folder: Path, name: str, flags: str, text: str):
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    body = f"From: me@example.test\nTo: you@example.test\nMessage-ID: <{name}@example.test>\nSubject: {text}\n\nbody of {text}\n"
    (folder / "cur" / f"{name}:2,{flags}").write_text(body)

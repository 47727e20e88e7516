"""Our Sieve engine beside Pigeonhole's `sieve-test`: the same scripts on the same messages, the same actions.

The scripts are in the `*.cases` files. A line `? TEST -> yes` stands for a script that files into "yes" or "no"; a block
`=== title` holds a whole script and, after `-->`, what is to come of it. Lines with `@` set what holds for the cases
below: message, envelope, extensions to require, scores. Inside a block they hold for it alone. Where the peer differs,
`| peer OUTCOME: reason` or a line `--! peer OUTCOME: reason` says so and why; a difference that is not written down
fails, and so does one that is written down and no longer there.
"""

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.cases"))
HELIOGRAPH = os.environ["HELIOGRAPH_BINARY"]
# Where the server's zone matters, it is UTC in both.
ENVIRONMENT = {**os.environ, "TZ": "UTC"}


@dataclass
class Case:
    where: str
    script: str
    setting: dict
    expected: str = ""
    peer: str | None = None
    why: str | None = None
    found: dict = field(default_factory=dict)


def read_cases(file: Path) -> list[Case]:
    """All cases of a file."""
    cases, setting, block, own = [], {}, None, {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        where = f"{file.name}:{number}"
        if block is not None and line.startswith("@ ") and not block.script:
            key, _, value = line[2:].partition(" ")
            own[key] = value
        elif line.startswith("@ "):
            key, _, value = line[2:].partition(" ")
            setting = {**setting, key: value}
            block = None
        elif line.startswith("=== "):
            block, own = Case(where, "", setting), {}
        elif line.startswith("--> "):
            block.setting = {**setting, **own}
            block.script = required(block.setting) + block.script
            block.expected = line[4:]
            cases.append(block)
            block = None
        elif line.startswith("--! peer "):
            cases[-1].peer, cases[-1].why = difference(line[9:], where)
        elif block is not None:
            block.script += line + "\n"
        elif line.startswith("? "):
            cases.append(shorthand(line, where, setting))
        else:
            assert not line.strip() or line.startswith("#"), f"{where}: {line}"
    return cases


def shorthand(line: str, where: str, setting: dict) -> Case:
    test, _, outcome = line[2:].rpartition(" -> ")
    outcome, _, other = outcome.partition(" | peer ")
    script = f'if {test} {{ fileinto "yes"; }} else {{ fileinto "no"; }}\n'
    requires = " ".join(dict.fromkeys([*setting.get("require", "").split(), "fileinto"]))
    case = Case(where, required({"require": requires}) + script, setting, f"fileinto {outcome}")
    if other:
        peer, case.why = difference(other, where)
        case.peer = f"fileinto {peer}"
    return case


def difference(text: str, where: str) -> tuple[str, str]:
    outcome, colon, why = text.partition(": ")
    assert colon and len(why) > 20, f"{where}: say why the peer differs"
    return outcome, why


def required(setting: dict) -> str:
    names = ["comparator-" + name[11:] if name.startswith("comparator-") else name for name in setting.get("require", "").split()]
    return f"require {json.dumps(names)};\n" if names else ""


# --- both sides -----------------------------------------------------------------------------------------------------


def envelope(setting: dict) -> tuple[str, str]:
    sender = setting.get("from", "sender@example.org")
    return ("" if sender == "<>" else sender), setting.get("to", "alice@example.test")


def run_ours(case: Case, script: Path) -> str:
    sender, recipient = envelope(case.setting)
    command = [HELIOGRAPH, "sieve", "run", str(script), str(message(case)), "--json"]
    command += ["--envelope-from", sender, "--envelope-to", recipient]
    command += ["--scripts", str(HERE / "scripts"), "--global-scripts", str(HERE / "global-scripts")]
    for option in ("spam", "virus"):
        if case.setting.get(option):
            command += [f"--{option}", case.setting[option]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    if done.returncode != 0:
        assert re.search(r"\.sieve:\d+:\d+: ", done.stderr), done.stderr
        return "error"
    report = json.loads(done.stdout)
    return "failed" if report["failure"] else outcome([our_action(action) for action in report["actions"]])


def our_action(action: dict) -> str:
    kind = action["action"]
    if kind == "keep":
        return filed("implicit keep" if action["implicit"] else "keep", action["flags"])
    if kind == "fileinto":
        return filed(f"fileinto {action['target']['mailbox']}", action["target"]["flags"])
    if kind == "redirect":
        return f"redirect {action['to']}"
    if kind == "reject":
        return f"{'ereject' if action['extended'] else 'reject'} {words(action['reason'])}"
    if kind == "vacation":
        return f"vacation {action['subject'] or ''}".strip() + f": {words(action['reason'])}"
    assert kind == "notify", action
    scheme, rest = action["method"].split(":", 1)
    addresses = re.findall(r"[^/?&=,]+@[^?&,]+", rest)
    return f"notify {scheme} {' '.join(addresses)}"


def run_peer(case: Case, script: Path, config: Path) -> str:
    sender, recipient = envelope(case.setting)
    own = script.with_suffix(".conf")
    own.write_text(config.read_text() + scores(case.setting))
    command = ["sieve-test", "-C", "-c", str(own), "-a", recipient]
    # It takes no null sender by hand, only out of the message.
    command += ["-f", sender] if sender else []
    command += [str(script), str(message(case))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    if "failed to compile" in done.stderr:
        return "error"
    if "final result: failed" in done.stderr:
        return "failed"
    assert "Implicit keep:" in done.stdout, done.stdout + done.stderr
    performed, _, implicit = done.stdout.partition("Implicit keep:")
    actions = peer_actions(performed) + [f"implicit {action}" for action in peer_actions(implicit)]
    return outcome(actions)


def peer_actions(text: str) -> list[str]:
    actions = []
    for block in re.split(r"^ \* ", text, flags=re.M)[1:]:
        first, _, rest = block.partition("\n")
        flags = re.search(r"add IMAP flags: (.*)", rest)
        flags = flags.group(1).split() if flags else []
        if found := re.match(r"store message in folder: (.*)", first):
            actions.append(filed("keep" if found.group(1) == "INBOX" else f"fileinto {found.group(1)}", flags))
        elif found := re.match(r"redirect message to: <(.*)>", first):
            actions.append(f"redirect {found.group(1)}")
        elif found := re.match(r"(e?reject) message with reason: (.*)", first):
            actions.append(f"{found.group(1)} {words(found.group(2))}")
        elif first.startswith("send vacation message"):
            subject = re.search(r"=> subject : (.*)", rest)
            reason = re.search(r"START MESSAGE\n(.*?)\s*END MESSAGE", rest, re.S).group(1)
            actions.append(f"vacation {subject.group(1) if subject else ''}".strip() + f": {words(reason)}")
        elif found := re.match(r"send notification with method '(\w+):", first):
            addresses = re.findall(r"\+ (?:To|Cc): (\S+)", rest)
            actions.append(f"notify {found.group(1)} {' '.join(addresses)}")
        else:
            assert first == "discard" or first.startswith("track "), block
    return actions


def filed(where: str, flags: list[str]) -> str:
    return " ".join([where, *sorted(flag.lower() for flag in flags)])


def words(text: str) -> str:
    """A reason without its line ends, which one side prints as question marks."""
    return " ".join(re.sub(r"[\r\n]|\?\?", " ", text).split())


def outcome(actions: list[str]) -> str:
    return "; ".join(actions) or "discard"


def message(case: Case) -> Path:
    return HERE / "messages" / f"{case.setting.get('message', 'plain')}.eml"


def scores(setting: dict) -> str:
    """The peer reads scores from fields of the message; ours is told them."""
    lines = []
    if setting.get("spam"):
        lines += ["sieve_spamtest_status_type = score", "sieve_spamtest_status_header = X-Spam-Score",
                  "sieve_spamtest_max_value = 10"]
    if setting.get("virus"):
        lines += ["sieve_virustest_status_type = text", "sieve_virustest_status_header = X-Virus",
                  "sieve_virustest_text_value4 = infected"]
    return "plugin {\n" + "\n".join(lines) + "\n}\n"


@pytest.fixture(scope="module")
def folder():
    """A folder that the peer can read, whoever it becomes."""
    path = Path(tempfile.mkdtemp(prefix="sieve-"))
    path.chmod(0o777)
    # Dovecot refuses to be root.
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    group = pwd.getpwnam(user).pw_gid
    shutil.copytree(HERE / "scripts", path / "scripts")
    shutil.copytree(HERE / "global-scripts", path / "global-scripts")
    (path / "peer.conf").write_text(f"""
log_path = /dev/stderr
ssl = no
mail_location = maildir:{path}/mail
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 0
first_valid_gid = 0
plugin {{
  sieve = file:{path}/scripts;active={path}/active.sieve
  sieve_global = {path}/global-scripts
  sieve_extensions = +editheader +spamtest +spamtestplus +virustest +vacation-seconds +special-use
  sieve_vacation_min_period = 0
  sieve_redirect_envelope_from = recipient
}}
""")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_both_do_the_same(file, folder):
    cases = read_cases(file)
    assert cases

    def both(numbered):
        number, case = numbered
        script = folder / f"{file.stem}-{number}.sieve"
        script.write_text(case.script)
        case.found = {"ours": run_ours(case, script), "peer": run_peer(case, script, folder / "peer.conf")}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(both, enumerate(cases)))
    wrong = []
    for case in cases:
        wanted = {"ours": case.expected, "peer": case.peer or case.expected}
        # A keep of the peer may be the filing that ours did first, by another name for the same mailbox.
        found = {side: text.replace("fileinto INBOX", "keep") for side, text in case.found.items()}
        wanted = {side: text.replace("fileinto INBOX", "keep") for side, text in wanted.items()}
        if found != wanted:
            wrong.append(f"{case.where}\n{case.script}  wanted {wanted}\n  found  {found}")
    assert not wrong, f"{len(wrong)} of {len(cases)} differ:\n" + "\n".join(wrong)


def test_there_are_enough_cases():
    assert sum(len(read_cases(file)) for file in FILES) >= 200

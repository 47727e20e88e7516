"""Running a client program with a home folder of its own."""

import os
import subprocess


def run(arguments, home, check=True, stdin=None, environment=None, seconds=120):
    """Runs a client; when it fails, the failure shows what it printed."""
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=home,
        env={**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", **(environment or {})},
        input=stdin,
        capture_output=True,
        timeout=seconds,
    )
    if check and done.returncode != 0:
        output = (done.stdout + done.stderr).decode(errors="replace")
        raise AssertionError(f"{arguments[0]} ended with {done.returncode}:\n{output}")
    return done

"""Waiting for a condition with a deadline, never for time."""

import time


def until(condition, what: str, seconds: float = 30):
    """Returns the first true value of `condition()`; fails with `what` when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not true: {what}")
        time.sleep(0.02)

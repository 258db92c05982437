"""Runs a command and prints what it took: ``probe.py LOG COMMAND...``.

A process of its own, and a small one: Linux counts the memory of whoever starts a program as the first of
that program's peak.
"""

import json
import os
import sys
import time


def main(log: str, *command: str) -> int:
    """Run ``command`` with its output in ``log``; its exit status."""
    to_log = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=to_log)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    taken = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024}
    print(json.dumps(taken))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

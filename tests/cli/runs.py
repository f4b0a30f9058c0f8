"""The command line, run in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowverdict.cli import main

PACKET = ("--direction", "Inbound", "--protocol", "TCP")
HTTPS = (*PACKET, "--local", "10.1.0.4:443", "--remote", "203.0.113.9")
SSH = (*PACKET, "--local", "10.1.0.4:22", "--remote", "203.0.113.9")
NIC = ("--nic", "nic1")


def run(*words: str | Path, env: dict[str, str | None] | None = None) -> Result:
    """Runs a command in this process; what it did not document is raised."""
    result = CliRunner(env=env).invoke(main, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def start(
    words: Sequence[str | Path],
    *,
    env: dict[str, str] | None = None,
    behind: str = "",
    folder: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command in a process of its own, with the rest of a shell's line behind it."""
    command = [sys.executable, "-m", "flowverdict", *map(str, words)]
    if behind:
        command = ["bash", "-c", f'"$@" {behind}', "bash", *command]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        cwd=folder,
        env={**os.environ, **(env or {})},
        timeout=60,
    )


def on_a_terminal(words: list[str | Path], env: dict[str, str]) -> bytes:
    """What a command prints where its output is a terminal."""
    pty = pytest.importorskip("pty")
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "flowverdict", *map(str, words)],
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, **env},
    ) as process:
        os.close(terminal)
        seen = b""
        while True:
            try:
                part = os.read(controller, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        process.wait(60)
    os.close(controller)
    return seen

"""What comes out where: terminals, pipes, encodings, paths."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flowverdict
from flowverdict.cli.main import COMMANDS
from tests.cli.runs import HTTPS, NIC, PACKET, SSH, on_a_terminal, run, start
from tests.load.broken import good, write

ESCAPE = b"\x1b["
DENIED = (*PACKET, "--local", "10.1.0.4:8080", "--remote", "203.0.113.9")


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = tmp_path / "estate"
    write(folder, good())
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_colour_is_for_terminals_and_not_with_no_color(estate: Path) -> None:
    """Contract 4.4: no colour when piped or with `NO_COLOR`."""
    words: list[str | Path] = ["explain", estate, *NIC, *DENIED]
    assert ESCAPE in on_a_terminal(words, {"TERM": "xterm-256color"})
    assert ESCAPE not in on_a_terminal(words, {"TERM": "xterm-256color", "NO_COLOR": "1"})


@pytest.mark.parametrize("command", ["verify", "explain", "rules"])
@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1"}, {"NO_COLOR": "1"}])
def test_no_colour_into_a_pipe(estate: Path, command: str, env: dict[str, str]) -> None:
    packet = () if command == "rules" else DENIED
    done = start([command, estate, *NIC, *packet], env=env)
    assert done.returncode == 0
    assert ESCAPE not in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
@pytest.mark.parametrize("command", ["verify", "explain", "rules"])
def test_a_console_that_lacks_a_character_is_no_obstacle(
    tmp_path: Path, command: str, encoding: str
) -> None:
    folder = tmp_path / "größe-🦔"
    write(folder, good())
    packet = () if command == "rules" else DENIED
    done = start(
        [command, folder, *NIC, *packet], env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    # of a console that says ASCII click thinks that it can do better
    assert done.stdout.decode("utf-8" if encoding == "ascii" else encoding)
    broken = start(
        ["verify", folder / "nöpe.json", *NIC, *HTTPS], env={"PYTHONIOENCODING": encoding}
    )
    assert broken.returncode == 2
    assert b"Traceback" not in broken.stderr


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
@pytest.mark.parametrize("output", ["table", "json"])
def test_a_file_name_that_is_no_text(tmp_path: Path, output: str) -> None:
    """Old archives have names in Latin-1."""
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    write(Path(os.fsdecode(folder)), good())
    command = [
        sys.executable,
        "-m",
        "flowverdict",
        "verify",
        folder,
        *NIC,
        *HTTPS,
        "--output",
        output,
    ]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipes")
@pytest.mark.parametrize("behind", ["| head -1", "| true", "| head -c 10"])
@pytest.mark.parametrize("command", ["explain", "rules"])
def test_a_reader_that_has_enough_is_no_error(estate: Path, command: str, behind: str) -> None:
    packet = () if command == "rules" else DENIED
    for _ in range(2):
        done = start([command, estate, *NIC, *packet], behind=behind)
        assert done.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirections")
@pytest.mark.parametrize("behind", ["<&-", "< /dev/null", "2>&-", "> /dev/null"])
def test_closed_streams_are_no_error(estate: Path, behind: str) -> None:
    done = start(["verify", estate, *NIC, *SSH, "--expect", "deny"], behind=behind)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("output", ["table", "json"])
def test_a_full_disk_is_not_a_good_answer(estate: Path, output: str) -> None:
    done = start(["verify", estate, *NIC, *SSH, "--output", output], behind="> /dev/full")
    assert done.returncode not in (0, 3)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        r"C:\Users\me\estate",
        r"\\server\share\estate",
        "with blank",
        "-dash",
        "per%cent",
        "quo'te",
        "a:b",
        "dot.json",
        "*",
    ],
)
def test_odd_folder_names_are_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path(name), good())
    result = run("verify", *NIC, *HTTPS, "--output", "json", "--", name)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["where"]["file"] == str(Path(name) / "nsgs.json")


def test_a_windows_path_that_is_not_there_is_shown_as_it_is() -> None:
    result = run("verify", r"C:\Users\me\nsg.json", *NIC, *HTTPS)
    assert result.exit_code == 2
    assert result.stderr.startswith("C:\\Users\\me\\nsg.json: ")


def test_files_and_folders_may_be_mixed(tmp_path: Path) -> None:
    files = good()
    write(tmp_path / "most", {name: files[name] for name in files if name != "nsgs.json"})
    write(tmp_path / "rest", {"nsgs.json": files["nsgs.json"]})
    words = (tmp_path / "rest" / "nsgs.json", tmp_path / "most", *NIC, *HTTPS, "--expect", "allow")
    assert run("verify", *words).exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_FLOWVERDICT_COMPLETE" in result.stdout
    assert "flowverdict" in result.stdout


def test_completion_knows_commands_and_options() -> None:
    env = {
        "_FLOWVERDICT_COMPLETE": "bash_complete",
        "COMP_WORDS": "flowverdict ver",
        "COMP_CWORD": "1",
    }
    code = "from flowverdict.cli import main; main(prog_name='flowverdict')"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, env={**os.environ, **env}
    )
    assert done.stdout.split() == [b"plain,verify"]
    env |= {"COMP_WORDS": "flowverdict verify x --prot", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, env={**os.environ, **env}
    )
    assert done.stdout.split() == [b"plain,--protocol"]


def test_an_unknown_shell_is_refused() -> None:
    assert run("completion", "tcsh").exit_code == 2


def test_the_version_is_the_librarys() -> None:
    assert run("--version").stdout.split()[-1] == flowverdict.__version__


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(command: str) -> None:
    for flag in ("--help", "-h"):
        result = run(command, flag)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("Usage: ")


def test_without_a_command_help_is_shown() -> None:
    result = run()
    told = result.stdout + result.stderr
    assert all(command in told for command in COMMANDS)
    assert run("--help").exit_code == 0


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Design, 4: `import flowverdict` costs nothing; commands import what they need."""
    code = "import sys, flowverdict.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"rich", "numpy", "pyarrow", "flowverdict.demo", "flowverdict.cli.demo", "cloudip"}
    assert not heavy & set(done.stdout.split())

"""What the GitHub Action runs: the commands that its inputs ask for, and what GitHub wants of them.

Inputs come as `FLOWVERDICT_…` in the environment (see `action.yml`). The text goes to the log,
Markdown to the job's summary, SARIF into a folder, and the worst exit code out.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

GOOD, FINDINGS, BAD_INPUT, UNKNOWN = 0, 1, 2, 3
COMMANDS = ("prove", "lint")
BY_WEIGHT = (GOOD, UNKNOWN, FINDINGS, BAD_INPUT)
"""Exit codes, the worst last. Any other is worse still."""


class WrongInputError(Exception):
    """An input of the action cannot be used; says which, in one line."""


def main() -> int:
    """Run the commands and return the worst exit code."""
    try:
        commands = list(_commands())
        folder = _folder()
    except WrongInputError as problem:
        print(problem, file=sys.stderr)
        _tell("GITHUB_OUTPUT", f"exit-code={BAD_INPUT}\n")
        return BAD_INPUT
    codes = [_run(words, folder) for words in commands]
    worst = max(codes, key=_weight)
    logs = folder.as_posix() if any(folder.glob("*.sarif")) else ""  # an upload of none fails
    _tell("GITHUB_OUTPUT", f"exit-code={worst}\nsarif={logs}\n")
    return worst


def _folder() -> Path:
    """Return the folder of the reports, without those of a run before."""
    given = _words("reports")[:1]
    folder = Path(*given)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stale in (f"{name}.{form}" for name in COMMANDS for form in ("sarif", "md")):
            (folder / stale).unlink(missing_ok=True)
    except OSError as problem:
        what = f"input `reports`: `{folder}`: {problem.strerror}"
        raise WrongInputError(f"{what}: expected a folder to write into") from None
    return folder


def _commands() -> Iterator[list[str]]:
    """Yield the words of each command."""
    estate = _words("estate")
    if not estate:
        raise WrongInputError("input `estate` is empty: expected files or folders, one a line")
    shared = [
        *(f"--{name}={file}" for name in ("baseline", "suppressions") for file in _words(name)),
        *_words("options"),
    ]
    packs = [f"--pack={one}" for one in _words("packs")]
    packs += [f"--set={one}" for one in _words("set")]
    invariants = _words("invariants")
    for one in invariants[1:]:
        raise WrongInputError(f"input `invariants`: `{one}`: expected one file")
    wants_lint = _is_wanted("lint")
    if invariants or packs:
        yield ["prove", *shared, *packs, "--", *estate, *invariants]
    elif not wants_lint:
        raise WrongInputError("nothing to do: expected input `invariants`, `packs` or `lint: true`")
    if wants_lint:
        yield ["lint", *shared, "--", *estate]


def _words(name: str) -> list[str]:
    text = os.environ.get(f"FLOWVERDICT_{name.upper()}", "")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_wanted(name: str) -> bool:
    given = " ".join(_words(name)).lower()
    if given not in ("true", "false"):
        raise WrongInputError(f"input `{name}`: `{given}`: expected `true` or `false`")
    return given == "true"


def _run(words: list[str], folder: Path) -> int:
    """Run a command, append its summary to the job's, and return its exit code."""
    name, *rest = words
    sarif, summary = folder / f"{name}.sarif", folder / f"{name}.md"
    reports = [f"--report=sarif={sarif}", f"--report=md={summary}"]
    done = subprocess.run(
        [sys.executable, "-m", "flowverdict", name, *reports, *rest],
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    told = f"### `flowverdict {name}` ended with {done.returncode}: the log says why\n"
    if summary.exists():
        told = summary.read_text("utf-8")
    _tell("GITHUB_STEP_SUMMARY", f"{told}\n")
    return done.returncode


def _weight(code: int) -> int:
    return BY_WEIGHT.index(code) if code in BY_WEIGHT else len(BY_WEIGHT)


def _tell(name: str, text: str) -> None:
    """Append a text to one of GitHub's files, where there is one."""
    if file := os.environ.get(name):
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(text)


if __name__ == "__main__":
    sys.exit(main())

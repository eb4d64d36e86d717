"""The completion of every shell: every command and flag is in it, and the shell itself takes it."""

import shutil
import subprocess

import pytest

from arbcore.cli import COMMANDS, build_parser, main
from arbcore.commands.completion import SHELLS, commands_of


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_flag_is_in_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    commands = commands_of(build_parser())
    assert list(commands) == [name for name, _ in COMMANDS]
    for name, command in commands.items():
        assert name in text
        assert command.flags
        for flag in command.flags:
            assert any(flag_name.lstrip("-") in text for flag_name in flag.names)
    assert "until-stdin-closes" not in text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_takes_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    done = subprocess.run([program, "-n"], input=script(shell, capsys), text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


ASKED = {
    "arbcore ": {"exchange", "ibkr", "completion"},
    "arbcore comp": {"completion"},
    "arbcore completion ": {"bash", "zsh", "fish"},
    "arbcore serve --mo": {"--mode"},
    "arbcore serve --mode ": {"prod-like", "slower", "empty"},
    "arbcore ibkr --pap": {"--paper"},
}


@pytest.mark.parametrize("line", ASKED)
def test_bash_completes(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    program = shutil.which("bash")
    if program is None:
        pytest.skip("no bash on this machine")
    words = line.split(" ")
    told = " ".join(f"'{word}'" for word in words)
    ask = f"\nCOMP_WORDS=({told}); COMP_CWORD={len(words) - 1}; _arbcore; "
    ask += "printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(
        [program, "--norc"], input=script("bash", capsys) + ask, text=True, capture_output=True, check=True
    )
    assert ASKED[line] <= set(done.stdout.split())

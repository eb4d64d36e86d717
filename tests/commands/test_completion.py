"""The completion of every shell: every command and flag is in it, and the shell itself takes it."""

import os
import shutil
import subprocess
from pathlib import Path

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


#: By the line to complete, what must be offered and what must not; the folder holds a file "quotes.csv".
ASKED: dict[str, tuple[set[str], set[str]]] = {
    "arbcore ": ({"exchange", "ibkr", "completion"}, {"quotes.csv"}),
    "arbcore comp": ({"completion"}, {"config"}),
    "arbcore completion ": ({"bash", "zsh", "fish"}, {"quotes.csv"}),
    "arbcore completion bash ": (set(), {"bash", "zsh", "fish", "quotes.csv"}),
    "arbcore serve --mo": ({"--mode"}, set()),
    "arbcore serve --mode ": ({"prod-like", "slower", "empty"}, {"quotes.csv"}),
    "arbcore serve --port ": (set(), {"quotes.csv"}),
    "arbcore serve --results ": ({"quotes.csv"}, set()),
    "arbcore ibkr --pap": ({"--paper"}, set()),
    "arbcore ibkr ": (set(), {"quotes.csv"}),
    "arbcore ibkr --simulate ": ({"quotes.csv"}, set()),
    "arbcore config ": ({"show"}, {"exchange", "ibkr", "quotes.csv"}),
    "arbcore config show ": ({"exchange", "ibkr"}, {"show", "quotes.csv"}),
    "arbcore config show -": ({"--json", "--advanced"}, {"exchange", "quotes.csv"}),
    "arbcore config show i": ({"ibkr"}, {"exchange"}),
    "arbcore config show --json ": ({"exchange", "ibkr"}, {"show", "quotes.csv"}),
    "arbcore config show ibkr --adv": ({"--advanced"}, set()),
    "arbcore config show ibkr ": (set(), {"exchange", "quotes.csv"}),
    "arbcore backtest ": ({"quotes.csv"}, set()),
    "arbcore quotes ": ({"check", "join", "convert"}, {"quotes.csv"}),
    "arbcore quotes check ": ({"quotes.csv"}, {"join"}),
    "arbcore quotes check --pa": ({"--pair"}, set()),
}
BASH = """
COMP_WORDS=(%s); COMP_CWORD=%d; _arbcore; printf '%%s\\n' "${COMPREPLY[@]}"
"""
#: The line editor's own functions are replaced by ones that print what begins with the word.
ZSH = """
_told() { local each; for each in "$@"; do [[ $each == $PREFIX* ]] && print -r -- "$each"; done; }
compadd() { shift; _told "$@"; }
_describe() { _told "${${(P)2}[@]%%%%:*}"; }
_files() { _told *(N); }
compdef() { }
words=(%s); CURRENT=%d; PREFIX=${words[CURRENT]}; _arbcore; true
"""


@pytest.mark.parametrize("line", ASKED)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes(
    shell: str, line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    (tmp_path / "quotes.csv").touch()
    words = line.split(" ")
    told = " ".join(f"'{word}'" for word in words)
    flags, ask = {
        "bash": ("--norc", BASH % (told, len(words) - 1)),
        "zsh": ("-f", ZSH % (told, len(words))),
        "fish": ("--no-config", f"complete -C '{line}'\n"),
    }[shell]
    # zsh's own _arbcore is defined by the script where it is not read from fpath.
    code = ("compdef() { }\n" if shell == "zsh" else "") + script(shell, capsys) + ask
    done = subprocess.run(
        [program, flags], input=code, text=True, capture_output=True, check=True, cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stderr == ""
    offered = {row.partition("\t")[0] for row in done.stdout.splitlines()}
    wanted, unwanted = ASKED[line]
    assert wanted <= offered
    assert not unwanted & offered

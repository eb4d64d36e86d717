"""``arbcore completion``: what a shell needs to complete commands, flags and their words."""

import argparse
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DESCRIPTION = "Writes the completion of arbcore's commands, flags and words for a shell."
EPILOG = """\
examples:
  source <(arbcore completion bash)                                        for this shell
  arbcore completion bash > ~/.local/share/bash-completion/completions/arbcore
  arbcore completion zsh > "${fpath[1]}/_arbcore"
  arbcore completion fish > ~/.config/fish/completions/arbcore.fish
"""
SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True)
class Flag:
    """One option of a command: its spellings, the words that may follow, and whether anything must."""

    names: tuple[str, ...]
    help: str
    words: tuple[str, ...]
    takes_value: bool


@dataclass(frozen=True)
class Words:
    """What a command takes: its flags, and the words that stand without one."""

    help: str
    flags: tuple[Flag, ...]
    words: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="whose completion")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    make = {"bash": bash, "zsh": zsh, "fish": fish}[args.shell]
    print(make(commands_of(args.all_parsers())), end="")
    return 0


def commands_of(parser: argparse.ArgumentParser) -> dict[str, Words]:
    """Every command of a parser with what it takes."""
    found: dict[str, Words] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help or "" for each in action._choices_actions}
            for name, command in action.choices.items():
                found[name] = _words(command, helps.get(name, ""))
    return found


def _words(command: argparse.ArgumentParser, text: str) -> Words:
    flags: list[Flag] = []
    words: list[str] = []
    for action in command._actions:
        choices = tuple(map(str, action.choices or ()))
        if not action.option_strings:
            words += choices
        elif action.help is not argparse.SUPPRESS:
            told = " ".join((action.help or "").replace("%(default)s", str(action.default)).split())
            takes = action.nargs != 0 and action.nargs != "?"
            flags.append(Flag(tuple(action.option_strings), told, choices, takes))
    return Words(text, tuple(flags), tuple(words))


def _followed(command: Words) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each spelling of a flag that a value follows, with the words that it may be; none for any."""
    for flag in command.flags:
        if flag.takes_value:
            yield "|".join(flag.names), flag.words


def bash(commands: Mapping[str, Words]) -> str:
    """The script for bash."""
    lines = [
        "# Completion of arbcore for bash.",
        "_arbcore() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
        "  COMPREPLY=()",
        '  if [ "$COMP_CWORD" -eq 1 ]; then',
        f'    COMPREPLY=($(compgen -W "{" ".join(commands)} --help --version --debug" -- "$word"))',
        "    return",
        "  fi",
        '  case "${COMP_WORDS[1]}" in',
    ]
    for name, command in commands.items():
        lines += [f"    {name})", '      case "$before" in']
        for names, words in _followed(command):
            answer = f'-W "{" ".join(words)}"' if words else "-f"
            lines.append(f'        {names}) COMPREPLY=($(compgen {answer} -- "$word")); return;;')
        told = " ".join([*(flag for each in command.flags for flag in each.names), *command.words])
        lines += [
            "      esac",
            f'      COMPREPLY=($(compgen -W "{told}" -- "$word"))',
            '      case "$word" in -*) ;; *) COMPREPLY+=($(compgen -f -- "$word"));; esac;;',
        ]
    return "\n".join([*lines, "  esac", "}", "complete -o filenames -F _arbcore arbcore", ""])


def zsh(commands: Mapping[str, Words]) -> str:
    """The script for zsh."""
    lines = ["#compdef arbcore", "_arbcore() {", "  if (( CURRENT == 2 )); then", "    local -a commands=("]
    lines += [f"      {shlex.quote(f'{name}:{command.help}')}" for name, command in commands.items()]
    lines += ["    )", "    _describe command commands", "    return", "  fi", '  case "$words[2]" in']
    for name, command in commands.items():
        lines += [f"    {name})", '      case "$words[CURRENT-1]" in']
        for names, words in _followed(command):
            answer = f"compadd -- {' '.join(map(shlex.quote, words))}" if words else "_files"
            lines.append(f"        {names}) {answer}; return;;")
        told = " ".join([*(flag for each in command.flags for flag in each.names), *command.words])
        lines += ["      esac", f"      compadd -- {told}", "      [[ $PREFIX == -* ]] || _files;;"]
    tail = ['if [ "$funcstack[1]" = "_arbcore" ]; then _arbcore "$@"; else compdef _arbcore arbcore; fi', ""]
    return "\n".join([*lines, "  esac", "}", *tail])


def fish(commands: Mapping[str, Words]) -> str:
    """The script for fish."""
    lines = ["# Completion of arbcore for fish."]
    for name, command in commands.items():
        lines.append(
            f"complete -c arbcore -f -n __fish_use_subcommand -a {name} -d {_fish_quoted(command.help)}"
        )
        here = f"complete -c arbcore -n '__fish_seen_subcommand_from {name}'"
        if command.words:
            lines.append(f"{here} -f -a {_fish_quoted(' '.join(command.words))}")
        for flag in command.flags:
            names = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names
            )
            value = ""
            if flag.takes_value:
                value = f" -x -a {_fish_quoted(' '.join(flag.words))}" if flag.words else " -r"
            lines.append(f"{here} {names}{value} -d {_fish_quoted(flag.help)}")
    return "\n".join([*lines, ""])


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

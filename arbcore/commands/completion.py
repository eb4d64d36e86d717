"""``arbcore completion``: scripts with which a shell completes commands, flags and their values."""

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


#: A value whose metavar contains one of these is a file.
_FILES = ("FILE", "DATA", "JOURNAL", "OUT")


@dataclass(frozen=True)
class Flag:
    """One option of a command: its spellings, whether a value may follow, and which values it takes."""

    names: tuple[str, ...]
    help: str
    words: tuple[str, ...]
    takes_value: bool
    files: bool


@dataclass(frozen=True)
class Words:
    """The arguments of a command: its flags, the words of each position, files, and its subcommands."""

    help: str
    flags: tuple[Flag, ...]
    places: tuple[tuple[str, ...], ...]
    files: bool
    commands: Mapping[str, "Words"]


@dataclass(frozen=True)
class State:
    """A partial command line and its completions; it has the command's name, then a word of ``after``."""

    name: str
    after: tuple[str, ...]
    flags: tuple[Flag, ...]
    words: tuple[str, ...]
    files: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="whose completion")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    make = {"bash": bash, "zsh": zsh, "fish": fish}[args.shell]
    print(make(commands_of(args.all_parsers())), end="")
    return 0


def commands_of(parser: argparse.ArgumentParser) -> dict[str, Words]:
    """Returns every command of a parser with its arguments."""
    found: dict[str, Words] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help or "" for each in action._choices_actions}
            for name, command in action.choices.items():
                found[name] = _words(command, helps.get(name, ""))
    return found


def _words(command: argparse.ArgumentParser, text: str) -> Words:
    flags: list[Flag] = []
    places: list[tuple[str, ...]] = []
    files = False
    inner = commands_of(command)
    for action in command._actions:
        choices = tuple(map(str, action.choices or ()))
        if action.option_strings and action.help is not argparse.SUPPRESS:
            told = " ".join((action.help or "").replace("%(default)s", str(action.default)).split())
            is_file = any(part in str(action.metavar) for part in _FILES)
            flags.append(Flag(tuple(action.option_strings), told, choices, action.nargs != 0, is_file))
        elif not action.option_strings and choices:
            places.append(choices)
        elif not action.option_strings:
            files = True
    return Words(text, tuple(flags), tuple(places), files, inner)


def _states(name: str, command: Words) -> Iterator[State]:
    """The states of a command's line, those with the most words first."""
    for word, inner in command.commands.items():
        yield State(name, (word,), inner.flags, (), inner.files)
    befores = ((), *command.places) if not command.commands else ((),)
    for before, words in reversed([*zip(befores, (*command.places, ()), strict=False)]):
        yield State(name, before, command.flags, words, command.files)


def _pattern(state: State) -> str:
    """The pattern that bash and zsh match the line so far against, with a space added at either end."""
    if not state.after:
        return f'" {state.name} "*'
    return "|".join(f'" {state.name}"*" {word} "*' for word in state.after)


def bash(commands: Mapping[str, Words]) -> str:
    """Returns the script for bash."""
    lines = [
        "# Completion of arbcore for bash.",
        "_arbcore() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
        "  COMPREPLY=()",
        '  case "$word" in -*) before="";; esac',
        '  if [ "$COMP_CWORD" -eq 1 ]; then',
        f'    COMPREPLY=($(compgen -W "{" ".join(commands)} --help --version --debug" -- "$word"))',
        "    return",
        "  fi",
        '  case " ${COMP_WORDS[*]:1:COMP_CWORD-1} " in',
    ]
    for state in (state for name, command in commands.items() for state in _states(name, command)):
        lines += [f"    {_pattern(state)})", '      case "$before" in']
        for flag in state.flags:
            if flag.takes_value:
                answer = f'-W "{" ".join(flag.words)}"' if flag.words else "-f" if flag.files else '-W ""'
                reply = f'COMPREPLY=($(compgen {answer} -- "$word"))'
                lines.append(f"        {'|'.join(flag.names)}) {reply}; return;;")
        names = " ".join(name for flag in state.flags for name in flag.names)
        words = f'COMPREPLY=($(compgen -W "{" ".join(state.words) or names}" -- "$word"))'
        files = '; COMPREPLY+=($(compgen -f -- "$word"))' if state.files else ""
        lines += [
            "      esac", '      case "$word" in',
            f'        -*) COMPREPLY=($(compgen -W "{names}" -- "$word"));;',
            f"        *) {words}{files};;", "      esac;;",
        ]
    return "\n".join([*lines, "  esac", "}", "complete -o filenames -F _arbcore arbcore", ""])


def zsh(commands: Mapping[str, Words]) -> str:
    """Returns the script for zsh."""
    lines = ["#compdef arbcore", "_arbcore() {", "  if (( CURRENT == 2 )); then", "    local -a commands=("]
    lines += [f"      {shlex.quote(f'{name}:{command.help}')}" for name, command in commands.items()]
    lines += ["    )", "    _describe command commands", "    return", "  fi"]
    lines.append('  local before="$words[CURRENT-1]"; [[ $PREFIX == -* ]] && before=""')
    lines.append('  case " ${words[2,CURRENT-1]} " in')
    for state in (state for name, command in commands.items() for state in _states(name, command)):
        lines += [f"    {_pattern(state)})", '      case "$before" in']
        for flag in state.flags:
            if flag.takes_value:
                told = " ".join(map(shlex.quote, flag.words))
                answer = f"compadd -- {told}" if told else "_files" if flag.files else ":"
                lines.append(f"        {'|'.join(flag.names)}) {answer}; return;;")
        names = " ".join(name for flag in state.flags for name in flag.names)
        lines += [
            "      esac", f"      if [[ $PREFIX == -* ]]; then compadd -- {names}",
            f"      else compadd -- {' '.join(state.words) or names}{'; _files' if state.files else ''}",
            "      fi;;",
        ]
    tail = ['if [ "$funcstack[1]" = "_arbcore" ]; then _arbcore "$@"; else compdef _arbcore arbcore; fi', ""]
    return "\n".join([*lines, "  esac", "}", *tail])


def fish(commands: Mapping[str, Words]) -> str:
    """Returns the script for fish."""
    lines = ["# Completion of arbcore for fish."]
    for name, command in commands.items():
        lines.append(
            f"complete -c arbcore -f -n __fish_use_subcommand -a {name} -d {_fish_quoted(command.help)}"
        )
        seen: list[str] = []
        for state in _states(name, command):
            parts = [f"__fish_seen_subcommand_from {name}"]
            if state.after:
                parts.append(f"__fish_seen_subcommand_from {' '.join(state.after)}")
            if seen:
                parts.append(f"not __fish_seen_subcommand_from {' '.join(seen)}")
            seen += state.after
            here = f"complete -c arbcore -n '{'; and '.join(parts)}'"
            if not state.files:
                told = f" -a {_fish_quoted(' '.join(state.words))}" if state.words else ""
                lines.append(f"{here} -f{told}")
            lines += [f"{here} {_fish_flag(flag)}" for flag in state.flags]
    return "\n".join([*lines, ""])


def _fish_flag(flag: Flag) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    value = ""
    if flag.takes_value:
        told = f" -a {_fish_quoted(' '.join(flag.words))}" if flag.words else ""
        value = " -r" if flag.files else f" -x{told}"
    return f"{names}{value} -d {_fish_quoted(flag.help)}"


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

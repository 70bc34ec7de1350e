"""What shells are told of our command line, made from the parser itself.

The scripts find out at which command the cursor is, and offer the words for it. Names of tables
are asked for when they are wanted; they are compared as text, and never expanded by the shell.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NamedTuple

from tablewatch.config.settings import SERVICES

_FILES = ("FILE", "DIR", "PATH", "BACKEND:CONF")  # metavars of what is found in the file system
_TABLES = ("table", "tables")  # where the parser puts names of tables


class Takes(NamedTuple):
    """What may stand in a place: some words, names of tables, or a file."""

    words: tuple[str, ...] = ()
    tables: bool = False
    files: bool = False

    def and_also(self, other: Takes) -> Takes:
        """Return what takes either."""
        words = (*self.words, *other.words)
        return Takes(words, self.tables or other.tables, self.files or other.files)


class Node(NamedTuple):
    """A command, by the words that lead to it: ``/quarantine/list``.

    ``words`` are its commands and options with their help; ``options`` those of which the next word
    is the argument; ``takes`` is what else may stand there.
    """

    path: str
    words: dict[str, str]
    options: dict[str, Takes]
    takes: Takes


def tree(parser: argparse.ArgumentParser, path: str = "") -> list[Node]:
    """Return the commands of `parser`, itself first."""
    node = Node(path, {}, {}, Takes())
    below: list[Node] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            node.words.update((each.dest, each.help or "") for each in action._choices_actions)
            for name, child in action.choices.items():
                below += tree(child, f"{path}/{name}")
        elif action.option_strings:
            name = action.option_strings[-1]
            node.words[name] = action.help or ""
            if action.nargs not in (0, "?"):
                node.options[name] = _takes(action)
        else:
            node = node._replace(takes=node.takes.and_also(_takes(action)))
    return [node, *below]


def bash(nodes: list[Node]) -> str:
    """Return a script for bash (3.2 and later)."""
    cases = [f"{at}) {_bash_words(takes.words, takes)} ;;" for at, takes in _arguments(nodes)]
    for node in nodes:
        words = (*node.words, *node.takes.words)
        cases.append(f"{node.path}:*) {_bash_words(words, node.takes)} ;;")
    return f"""\
# Completion of tablewatch(1) for bash; made by: tablewatch completion bash
_tablewatch() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} at= words= tables=0 files=0 word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $at/$word in
        {_paths(nodes)}) at=$at/$word ;;
        esac
    done
    case $at:${{COMP_WORDS[COMP_CWORD-1]}} in
{_indented(cases)}
    esac
    COMPREPLY=()
    [ $files = 0 ] || compopt -o default 2>/dev/null
    while IFS= read -r word; do
        case $word in
        ?*) [ "${{word:0:${{#cur}}}}" != "$cur" ] || COMPREPLY[${{#COMPREPLY[@]}}]=$word ;;
        esac
    done <<END
$(printf '%s\\n' $words; [ $tables = 0 ] || tablewatch completion --tables 2>/dev/null)
END
}}
complete -F _tablewatch tablewatch
"""


def zsh(nodes: list[Node]) -> str:
    """Return a script for zsh, to be evaluated after compinit."""
    cases = [f"{at}) {_zsh_words(takes.words, takes)} ;;" for at, takes in _arguments(nodes)]
    for node in nodes:
        described = [f"{name}:{text}" for name, text in node.words.items()]
        words = (*described, *node.takes.words)
        cases.append(f"{node.path}:*) {_zsh_words(words, node.takes)} ;;")
    return f"""\
#compdef tablewatch
# Completion of tablewatch(1) for zsh; made by: tablewatch completion zsh
_tablewatch() {{
    local at= word tables=0 files=0
    local -a offer names
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case $at/$word in
        {_paths(nodes)}) at=$at/$word ;;
        esac
    done
    case $at:$words[CURRENT-1] in
{_indented(cases)}
    esac
    (( $#offer )) && _describe tablewatch offer
    if (( tables )); then
        names=("${{(@f)$(tablewatch completion --tables 2>/dev/null)}}")
        names=("${{(@)names:#}}")
        (( $#names )) && compadd -- "${{(@)names}}"
    fi
    (( files )) && _files
    return 0
}}
compdef _tablewatch tablewatch
"""


def fish(nodes: list[Node]) -> str:
    """Return a script for fish."""
    lines = []
    for node in nodes:
        here = f"complete -c tablewatch -n {_fish_quoted(f'__tablewatch_at {node.path}/')}"
        for name, text in node.words.items():
            what = f"-l {name[2:]}" if name.startswith("--") else f"-a {name}"
            asks = ""
            if takes := node.options.get(name):
                asks = (" -r" if takes.files else " -x") + _fish_takes(takes)
            lines.append(f"{here} {what}{asks} -d {_fish_quoted(text)}")
        if node.takes != Takes():
            lines.append(here + _fish_takes(node.takes))
    listed = "\n".join(lines)
    return f"""\
# Completion of tablewatch(1) for fish; made by: tablewatch completion fish
function __tablewatch_at
    set -l at ''
    set -l tokens (commandline -opc)
    for word in $tokens[2..-1]
        if contains -- $at/$word {_paths(nodes, " ")}
            set at $at/$word
        end
    end
    test "$at/" = "$argv[1]"
end
complete -c tablewatch -f
{listed}
"""


def ksh(nodes: list[Node]) -> str:
    """Return a script for OpenBSD's ksh, which completes words from arrays.

    The array of a numbered argument goes before the one for any.
    """
    first = list(nodes[0].words)
    words = [word for node in nodes[1:] for word in (*node.words, *node.takes.words)]
    words += [word for _, takes in _arguments(nodes) for word in takes.words]
    options = [word for word in words if word.startswith("-")]
    anywhere = dict.fromkeys([*(word for word in words if not word.startswith("-")), *options])
    return f"""\
# Completion of tablewatch(1) for OpenBSD's ksh; made by: tablewatch completion ksh
set -A complete_tablewatch_1 -- {" ".join(first)}
set -A complete_tablewatch -- {" ".join(anywhere)}
"""


def _takes(action: argparse.Action) -> Takes:
    metavars = action.metavar if isinstance(action.metavar, tuple) else (action.metavar,)
    words = tuple(map(str, action.choices or ()))
    if not words and "SERVICE" in metavars:
        words = SERVICES
    files = any(each in _FILES for each in metavars)
    return Takes(words, action.dest in _TABLES, files)


def _arguments(nodes: list[Node]) -> list[tuple[str, Takes]]:
    """Return the places behind an option that takes an argument."""
    return [
        (f"{node.path}:{name}", takes) for node in nodes for name, takes in node.options.items()
    ]


def _paths(nodes: list[Node], between: str = "|") -> str:
    return between.join(node.path for node in nodes if node.path)


def _bash_words(words: Iterable[str], takes: Takes) -> str:
    return f"words={_quoted(' '.join(words))} tables={takes.tables:d} files={takes.files:d}"


def _zsh_words(words: Iterable[str], takes: Takes) -> str:
    offer = " ".join(map(_quoted, words))
    return f"offer=({offer}) tables={takes.tables:d} files={takes.files:d}"


def _fish_takes(takes: Takes) -> str:
    found = " -F" if takes.files else ""
    if takes.words:
        found += f" -a {_fish_quoted(' '.join(takes.words))}"
    if takes.tables:
        found += " -a '(tablewatch completion --tables 2>/dev/null)'"
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _indented(lines: Iterable[str]) -> str:
    return "\n".join("    " + line for line in lines)

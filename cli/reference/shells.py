# SPDX-License-Identifier: BSD-2-Clause
"""Completions for bash, zsh and fish: commands, options, and the values of options."""
import re

FILES, FOLDERS = ("FILE", "BUILD"), ("DIR",)


def names_of(command):
    """[(option, short or None, long or None)], without what --help hides."""
    return [(o, o["short"], o["long"]) for o in command["table"]["options"] if not o["hidden"] and not o["note"]]


def kind_of(option):
    """What an option's value is: None (it does not have one), "any", "file", "folder", "words" or "list"."""
    argument = option["argument"]
    if not argument or option["argument_optional"]:  # an optional one must be behind an equals sign
        return None
    if option.get("values"):
        return "list" if argument == "LIST" else "words"
    return "file" if argument in FILES else "folder" if argument in FOLDERS else "any"


def takes_files(command):
    """Do its arguments name files?"""
    return bool(re.search(r"\b(FILE|DIR|BUILD|A B)\b", " ".join(command["table"]["usage"])))


def brief(text):
    """The first thought of a help text."""
    first = re.split(r"\. |; | \(default|, for example", text or "", maxsplit=1)[0].rstrip(".")
    return first if len(first) <= 80 else first.split(": ")[0]


# ---- bash ----

BASH = r"""# bash completion for decoct; made from its tables of options.
# SPDX-License-Identifier: BSD-2-Clause

_decoct_options() { # COMMAND
    case $1 in
@OPTIONS@
    esac
}

# What comes behind COMMAND/OPTION: the kind of its value, then what it can be.
_decoct_value() {
    case $1 in
@VALUES@
    esac
}

# Fills COMPREPLY with what begins with $2, of the kind $1; the words follow.
_decoct_fill() {
    local kind=$1 begun=$2 before
    shift 2
    case $kind in
    file | folder)
        [ "$kind" = file ] && kind=-f || kind=-d
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen "$kind" -- "$begun")
        ;;
    words) mapfile -t COMPREPLY < <(compgen -W "$*" -- "$begun") ;;
    list)
        compopt -o nospace 2>/dev/null
        before=
        [[ $begun == *,* ]] && before=${begun%,*},
        mapfile -t COMPREPLY < <(compgen -P "$before" -W "$*" -- "${begun##*,}")
        ;;
    esac
}

_decoct() {
    local line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]} words word value option= kind
    COMPREPLY=()
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[-1]}
    if ((${#words[@]} == 2)); then
        _decoct_fill words "$word" @COMMANDS@ help --help --version
        return
    fi
    if [[ ${words[1]} == help ]]; then
        _decoct_fill words "$word" @COMMANDS@
        return
    fi
    value=$word
    case $word in
    --*=*) option=${word%%=*} value=${word#*=} ;;
    *) [[ ${words[-2]} == -* ]] && option=${words[-2]} ;;
    esac
    [ -n "$option" ] && read -ra kind <<<"$(_decoct_value "${words[1]}/$option")"
    if ((${#kind[@]})); then
        _decoct_fill "${kind[0]}" "$value" "${kind[@]:1}"
    elif [[ $word == -* ]]; then
        _decoct_fill words "$word" $(_decoct_options "${words[1]}")
        return
    else
        case ${words[1]} in
        @FILES@) _decoct_fill file "$word" ;;
        esac
        return
    fi
    # readline replaces what is behind the last = or : only.
    [[ $current == [=:] ]] && current=
    if [[ $current == --*=* ]]; then
        COMPREPLY=("${COMPREPLY[@]/#/$option=}")
    elif [[ $value == *"$current" ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${value%"$current"}"}")
    fi
} &&
    complete -F _decoct decoct
"""


def dashed(short, long):
    return (["-" + short] if short else []) + (["--" + long] if long else [])


def bash(program):
    options, values = [], {}
    for command in program["commands"]:
        flat = [name for _, short, long in names_of(command) for name in dashed(short, long)]
        options.append("    %s) printf '%%s\\n' %s ;;" % (command["name"], " ".join(flat)))
        for option, short, long in names_of(command):
            kind = kind_of(option)
            if kind:
                text = " ".join([kind] + list(option.get("values") or []))
                values.setdefault(text, []).extend("%s/%s" % (command["name"], name) for name in dashed(short, long))
    cases = ["    %s)\n        echo '%s'\n        ;;" % (" | ".join(where), text.replace("'", r"'\''"))
             for text, where in values.items()]
    parts = {"OPTIONS": "\n".join(options), "VALUES": "\n".join(cases),
             "COMMANDS": " ".join(c["name"] for c in program["commands"]),
             "FILES": " | ".join(c["name"] for c in program["commands"] if takes_files(c)) or "''"}
    return re.sub("@([A-Z]+)@", lambda m: parts[m.group(1)], BASH)


# ---- zsh ----

ZSH = r"""#compdef decoct
# SPDX-License-Identifier: BSD-2-Clause
# zsh completion for decoct; made from its tables of options.

@FUNCTIONS@
_decoct() {
    local -a commands
    commands=(
@COMMANDS@
    )
    if ((CURRENT == 2)) && [[ $PREFIX != -* ]]; then
        _describe -t commands command commands
    elif ((CURRENT == 2)); then
        _arguments '(- *)'{-h,--help}'[Show all commands]' '(- *)'{-V,--version}'[Show which decoct this is]'
    elif [[ $words[2] == help ]]; then
        ((CURRENT == 3)) && _describe -t commands command commands
    elif (($+functions[_decoct_$words[2]])); then
        shift words
        ((CURRENT--))
        _decoct_$words[1]
    fi
}

_decoct "$@"
"""


def quoted(text, special=""):
    """In single quotes; `special` characters get a backslash."""
    text = "".join("\\" + c if c in special + "\\" else c for c in text)
    return "'%s'" % text.replace("'", r"'\''")


def zsh_action(option):
    values = " ".join(value.replace(":", "\\:") for value in option.get("values") or [])
    return {"file": "_files", "folder": "_files -/", "words": "(%s)" % values, "list": "_sequence compadd - %s" % values,
            "any": " "}[kind_of(option)]


def zsh_option(option, short, long):
    value = ""
    if kind_of(option):
        value = ":%s:%s" % (option["argument"].replace(":", "\\:"), zsh_action(option))
    text = "[%s]" % re.sub(r"([\[\]\\:])", r"\\\1", brief(option["help"]))
    names = ["-%s%s" % (short, "+" if value else "")] if short else []
    names += ["--%s%s" % (long, "=" if value else "")] if long else []
    name = names[0] if len(names) == 1 else "'{%s}'" % ",".join(names)
    body = (text + value).replace("'", r"'\''")
    return "        '*%s%s'" % (name, body)


def zsh(program):
    functions = []
    for command in program["commands"]:
        specs = [zsh_option(*row) for row in names_of(command)]
        usage = " ".join(command["table"]["usage"])
        if takes_files(command):
            specs.append("        '*:file:_files'")
        elif usage:
            specs.append("        '*:%s: '" % usage.split("|")[0])
        functions.append("_decoct_%s() {\n    _arguments -s -S \\\n%s\n}\n" % (command["name"], " \\\n".join(specs)))
    lines = ["        " + quoted("%s:%s" % (c["name"], c["summary"].replace(":", "\\:"))).replace("\\\\", "\\")
             for c in program["commands"]]
    lines.append("        'help:Show the options of a command'")
    return ZSH.replace("@FUNCTIONS@", "\n".join(functions)).replace("@COMMANDS@", "\n".join(lines))


# ---- fish ----

FISH = r"""# SPDX-License-Identifier: BSD-2-Clause
# fish completion for decoct; made from its tables of options.
function __decoct_first
    test (count (commandline -opc)) -eq 1
end

function __decoct_is
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

complete -c decoct -n 'not __decoct_is @FILES@' -f
complete -c decoct -n __decoct_first -s h -l help -d 'Show all commands'
complete -c decoct -n __decoct_first -s V -l version -d 'Show which decoct this is'
complete -c decoct -n __decoct_first -a help -d 'Show the options of a command'
"""


def fish_value(option):
    words = " ".join(option.get("values") or [])
    return {None: "", "any": " -x", "file": " -r -F", "folder": " -x -a '(__fish_complete_directories)'",
            "words": " -x -a %s" % quoted(words),
            "list": " -x -a %s" % quoted("(__fish_complete_list , 'string split \" \" \"%s\"')" % words)}[kind_of(option)]


def fish(program):
    out = FISH.replace("@FILES@", " ".join(c["name"] for c in program["commands"] if takes_files(c)))
    for command in program["commands"]:
        name = command["name"]
        out += "\ncomplete -c decoct -n __decoct_first -a %s -d %s\n" % (name, quoted(command["summary"]))
        out += "complete -c decoct -n '__decoct_is help' -a %s -d %s\n" % (name, quoted(command["summary"]))
        for option, short, long in names_of(command):
            out += "complete -c decoct -n '__decoct_is %s'%s%s%s -d %s\n" % (
                name, " -s " + short if short else "", " -l " + long if long else "", fish_value(option),
                quoted(brief(option["help"])))
    return out

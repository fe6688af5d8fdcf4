# SPDX-License-Identifier: BSD-2-Clause
"""Man pages, in the macros of man(7)."""
import re
import textwrap

ENVIRONMENT = [
    ("DECOCT_BACKEND", "Use this backend, like --backend."),
    ("DECOCT_BACKEND_PATH", "Absolute folders, separated by colons, with more backends (plugins)."),
    ("DECOCT_BACKEND_WITHOUT", "Plugin files that are not loaded, separated by colons; * for all."),
    ("DECOCT_MODEL_PATH", "Absolute folders, separated by colons, with models: --model NAME, and the default model, are "
     "looked for there first."),
    ("NO_COLOR", "If it is not empty, terminals get no colours."),
]
EXAMPLES = ['decoct next "Sarah lies still on the bed, feeling"',
            'decoct attend "Sarah lies still on the bed, feeling" -o map.html',
            "decoct info"]
SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}


def plain(text):
    """As it is, in any line."""
    text = "".join(SPECIAL.get(c, c) for c in text)
    return re.sub(r"(?m)^\.", r"\\&.", text)


def running(text):
    """A paragraph: `code` and --options are bold."""
    parts = re.split(r"(`[^`]*`|(?<![\w-])--[a-z][a-z-]*)", " ".join(text.split()))
    text = "".join(bold(part.strip("`")) if i % 2 else plain(part) for i, part in enumerate(parts))
    lines = textwrap.wrap(text, 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join("\\&" + line if line.startswith(".") else line for line in lines)


def bold(text):
    return r"\fB%s\fR" % plain(text)


def italic(text):
    return r"\fI%s\fR" % plain(text)


def heading(name):
    return '.SH "%s"\n' % name


def title(name, version):
    return ('.\\" SPDX-License-Identifier: BSD-2-Clause\n.\\" Made from the tables of options.\n'
            '.TH "%s" "1" "" "decoct %s" "User Commands"\n.nr HY 0\n.nh\n.ad l\n' % (plain(name.upper()), version))


def blocks(text):
    """[(is code, text)]: paragraphs, and runs of indented lines."""
    found = []
    for paragraph in re.split(r"\n{2,}", text.strip("\n")):
        before = None
        for line in paragraph.split("\n"):
            code = line.startswith("  ")
            if code == before:
                found[-1][1].append(line)
            else:
                found.append((code, [line]))
            before = code
    return [(code, "\n".join(line[2:] for line in lines) if code else " ".join(lines).strip()) for code, lines in found]


def put_blocks(list_of_blocks):
    out = ""
    for code, text in list_of_blocks:
        out += ".PP\n.in +4n\n.EX\n%s\n.EE\n.in\n" % plain(text) if code else ".PP\n%s\n" % running(text)
    return out


def sort_out(text):
    """What follows the options in --help: (notes, examples, exit codes)."""
    notes, examples, exits, in_examples = [], [], [], False
    for code, paragraph in blocks(text):
        given = re.match(r"Examples?:\s*(.*)", paragraph)
        if not code and paragraph.startswith("Exit code"):
            exits.append(paragraph)
        elif not code and given:
            in_examples = True
            rest = given.group(1)
            if rest:
                examples.append((rest.startswith("decoct "), rest[0].upper() + rest[1:] if rest[0] != "d" else rest))
        elif code and paragraph.startswith("decoct "):
            if not in_examples and notes and not notes[-1][0] and notes[-1][1].endswith(":"):
                examples.append(notes.pop())
            examples.append((True, paragraph))
        else:
            in_examples = False
            notes.append((code, paragraph))
    return notes, examples, exits


def put_list(items):
    return "".join(".TP\n%s\n%s\n" % item for item in items)


def exit_status(paragraphs):
    """Each code with its meaning, where the text has that form; else the text."""
    text = " ".join(paragraphs).replace(" `decoct --help` lists all.", "")
    known = []
    for part in re.split(r"Exit codes?:? ", text)[1:]:
        items = re.split(r"[,;] (?=\d+:? )", part.strip().rstrip("."))
        found = [re.fullmatch(r"(\d+):? (.*)", item, re.DOTALL) for item in items]
        if not all(found):
            return "%s\n" % running(part[0].upper() + part[1:])
        known += [(int(f.group(1)), f.group(2)) for f in found]
    return put_list((bold(str(number)), running(words)) for number, words in sorted(known)) + \
        ".PP\ndecoct(1) lists all exit codes.\n"


def option_names(option):
    names = [bold("-" + option["short"])] if option["short"] else []
    argument = option["argument"]
    if option["long"]:
        wrapped = "[=%s]" if option["argument_optional"] else "=%s"
        names.append(bold("--" + option["long"]) + (wrapped % italic(argument) if argument else ""))
    elif argument:
        names[0] += " " + italic(argument)
    return ", ".join(names)


def put_option(option):
    if option["note"]:
        return ".TP\n%s\n%s\n" % (bold(option["long"] or ""), running(option["help"] or ""))
    return ".TP\n%s\n%s\n" % (option_names(option), running((option["help"] or "").rstrip(".") + "."))


def put_options(options):
    """Groups in the order of --help; what is in no group comes first, or last if a group was before."""
    groups = {"": ""}
    for option in options:
        name = (option["heading"] or "").rstrip(":")
        if not name and len(groups) > 1:
            name = "Other options"
        groups[name] = groups.get(name, "") + put_option(option)
    last = groups.pop("Other options", "")
    out = "".join(('.SS "%s"\n' % plain(name) if name else "") + text for name, text in groups.items())
    return out + ('.SS "Other options"\n' + last if last else "")


def shown(options):
    """Without those that --help hides; further names of an option are put before its help."""
    return [o for o in options if not o["hidden"]]


def see_also(program, command):
    near = [c["name"] for c in program["commands"] if c["group"] == command["group"] and c is not command]
    return ".BR decoct (1)" + "".join(",\n.BR decoct\\-%s (1)" % name for name in near) + "\n"


def command_page(program, command):
    table = command["table"]
    name = "decoct-" + command["name"]
    notes, examples, exits = sort_out(table["more"] or "")
    out = title(name, program["version"])
    out += heading("NAME") + "%s \\- %s\n" % (plain(name), plain(command["summary"]))
    out += heading("SYNOPSIS")
    for usage in table["usage"] or [""]:
        out += "%s [%s...]" % (bold("decoct " + command["name"]), italic("OPTION"))
        out += (" " + italic(usage) if usage else "") + "\n.br\n"
    out = out.removesuffix(".br\n")
    out += heading("DESCRIPTION") + put_blocks(blocks(table["doc"] or ""))[4:] + put_blocks(notes)
    out += heading("OPTIONS") + put_options(shown(table["options"]))
    out += heading("EXIT STATUS") + exit_status(exits)
    out += heading("EXAMPLES") + re.sub(r"\A\.PP\n", "", put_blocks(examples))
    return out + heading("SEE ALSO") + see_also(program, command)


def program_page(program):
    out = title("decoct", program["version"])
    out += heading("NAME") + "decoct \\- runs GPT decoder blocks on the CPU, and shows what is inside a model\n"
    out += heading("SYNOPSIS") + "%s %s [%s...]\n" % (bold("decoct"), italic("COMMAND"), italic("OPTION"))
    out += heading("DESCRIPTION") + running(
        "decoct runs small language models (GPT-1 and GPT-2) and the blocks that they are made of, with the same "
        "bits on every CPU. Its commands continue a text, show which words each word drew from, and measure how fast "
        "all of it is. A little model, potion, comes with it. Each command has a page of its own.") + "\n"
    group = None
    out += heading("COMMANDS")
    for command in program["commands"]:
        out += '.SS "%s"\n' % plain(command["group"]) if command["group"] != group else ""
        group = command["group"]
        out += ".TP\n.BR decoct\\-%s (1)\n%s\n" % (command["name"], plain(command["summary"]))
    out += heading("OPTIONS") + put_list([
        (bold("-h") + ", " + bold("--help"), running("Show all commands; after a command, or as `decoct help COMMAND`, its options.")),
        (bold("-V") + ", " + bold("--version"), "Show which decoct this is.")])
    out += heading("ENVIRONMENT") + put_list((bold(name), running(text)) for name, text in ENVIRONMENT)
    out += heading("EXIT STATUS") + put_list((bold(number), plain(text)) for number, text in program["exit_codes"].items())
    out += heading("EXAMPLES") + put_blocks([(True, "\n".join(EXAMPLES))])[4:]
    return out + heading("SEE ALSO") + running(
        "The folder share/doc/decoct of the installation: README.md, docs/manual/concepts.md, docs/measuring.md.") + "\n"

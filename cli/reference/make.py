# SPDX-License-Identifier: BSD-2-Clause
"""make.py LISTING OUT-DIR: man pages and shell completions from what `decoct --list-options` prints.

Writes decoct.1, decoct-COMMAND.1 for each command of the build, decoct (for bash), _decoct (zsh)
and decoct.fish into OUT-DIR.
"""
import json
import os
import sys

sys.dont_write_bytecode = True
import man  # noqa: E402
import shells  # noqa: E402
import values  # noqa: E402


def main(listing, folder):
    with open(listing, encoding="utf-8") as file:
        program = json.load(file)
    program["commands"] = [c for c in program["commands"] if c["table"]]
    values.fill(program)
    files = {"decoct.1": man.program_page(program), "decoct": shells.bash(program),
             "_decoct": shells.zsh(program), "decoct.fish": shells.fish(program)}
    for command in program["commands"]:
        files["decoct-%s.1" % command["name"]] = man.command_page(program, command)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


main(*sys.argv[1:])

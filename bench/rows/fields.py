#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Lists of the form NAME(value, ...), such as rows.def, and the table of docs/results.md made of them.

    fields.py [--write docs/results.md]    prints the table, or writes it into that page
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# A string, a number, or a name; names joined by | are a list of names.
TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(-?\d[\d.]*)|(\w+)|([,|()]))')
BEGIN, END = "<!-- Made by bench/rows/fields.py. -->\n", "<!-- The end of what is made. -->\n"
KINDS = {"TEXT": "string", "WHOLE": "integer", "FLAG": "`true` or `false`", "FIGURE": "number",
         "CPUS": "list of CPUs", "TEXTS": "list of strings", "OBJECT": "object"}


def values(text, at):
    """The values of one line from its opening bracket on: strings, numbers, names, lists of names."""
    found, parts = [], []
    while True:
        token = TOKEN.match(text, at)
        string, number, name, sign = token.groups()
        at = token.end()
        if string is not None:
            string = string.replace('\\"', '"').replace("\\\\", "\\")
            parts = [parts[0] + string] if parts else [string] # neighbours are one
        elif number is not None:
            parts.append(float(number) if "." in number else int(number))
        elif name:
            parts.append(name)
        elif sign in ",)":
            found.append(parts if len(parts) > 1 else parts[0])
            parts = []
        if sign == ")":
            return found


def read(path):
    """[(NAME, [value, ...]), ...]: the lines of a list, without comments and preprocessor lines."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"(?m)^(#.*(\\\n.*)*|\s*//.*)$", "", file.read())
    return [(line.group(1), values(text, line.end())) for line in re.finditer(r"(?m)^([A-Z]\w*)\(", text)]


def rows():
    """The fields of a row: (key, kind, unit, meaning)."""
    return [(v[1], v[2], v[3], v[5]) for _, v in read(os.path.join(HERE, "rows.def"))]


def table():
    lines = ["| key | value | unit | meaning |", "|---|---|---|---|"]
    for key, kind, unit, meaning in rows():
        unit = {"us": "µs"}.get(unit, unit)
        lines.append("| `%s` | %s | %s | %s |" % (key, KINDS[kind], unit, meaning))
    return "\n".join(lines) + "\n"


def parts(page):
    """What is before the table, the table, and what follows."""
    before, rest = page.split(BEGIN)
    made, behind = rest.split(END)
    return before + BEGIN, made, END + behind


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        with open(sys.argv[2], encoding="utf-8") as file:
            before, _, behind = parts(file.read())
        page = before + table() + behind
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write(page)
    else:
        sys.stdout.write(table())

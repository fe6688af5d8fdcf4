#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""header.py FILE: prints a public header as doxygen shall read it. The headers are laid out for people who read
them as they are. Here their aligned lists become Markdown's lists, tables and formulas stay as they are laid out,
and the comment of several fields in one declaration becomes that of each. Each line keeps its number.
"""
import re
import sys

INSIDE = r"(?:(?!\*/).)*\*/"
# `int64_t m, n; /**< TEXT */` or `/** TEXT */ int64_t m, n;` in a struct.
FIELDS = re.compile(r"(?P<before>^ {4}/\*\*(?!<)%s\n)?^ {4}(?P<type>(?:const )?\w+) (?P<names>\*?\w+(?:,\s+\*?\w+)+);"
                    r"(?P<after>\s*/\*\*<%s)?" % (INSIDE, INSIDE), re.M | re.S)
COMMENT = re.compile(r"^(?P<open> *)/\*\*(?!<)(?P<text>%s)" % INSIDE, re.M | re.S)
TERM = re.compile(r" +\S+(?: \S+)*? {2,}(?=\S)")


def depth(line):
    return len(line) - len(line.lstrip(" ")) if line.strip() else 0


def escaped(line):
    """Without what doxygen would read as a tag, a link or emphasis; what each call has to say is easy to find."""
    line = re.sub(r"(?<![\w`])([<#*])(?=[a-z])", r"\\\1", line)
    return re.sub(r"\b(Errors|Accuracy):", r"**\1:**", line)


def one_list(lines):
    """`term  text` with aligned texts as a list; None if the lines are something else."""
    first = TERM.match(lines[0])
    if not first:
        return None
    margin, column, made, inner = depth(lines[0]), first.end(), [], []
    for line in lines:
        head, tail = line[:column], line[column:]
        if depth(line) == margin and head[-1] == " " != tail[:1] and not head.rstrip().endswith(","):
            made.append("- **%s** %s" % (head.strip(), escaped(tail)))
        elif depth(line) >= column:
            made.append("  " + (tail if depth(tail) else escaped(tail)))
            inner += [len(made) - 1] if depth(tail) else []
        else:
            return None
    if inner:
        made[inner[0] - 1] += " @verbatim"
        made[inner[-1] + 1] = "  @endverbatim " + made[inner[-1] + 1].lstrip(" ")
    return made


def laid_out(text):
    """The lines of a comment, without their stars."""
    lines, made, start = text.split("\n"), [], 0
    while start < len(lines):
        end = start
        while end < len(lines) and depth(lines[end]) > 2:
            end += 1
        if end == start:
            made.append(escaped(lines[start]))
            end += 1
        else:
            items = one_list(lines[start:end])
            if items is None:
                made[-1] += " @verbatim"
                lines[end] = "@endverbatim" + lines[end]
            made += items or lines[start:end]
        start = end
    return "\n".join(made)


def comment(found):
    text = found.group("text")[:-2]
    plain = re.sub(r"(?m)^ *\*(?= |$)", "", text)
    return "%s/**%s*/" % (found.group("open"), laid_out(plain))


def each_field(found):
    before, after = found.group("before") or "", found.group("after") or ""
    names = re.split(r",\s+", found.group("names"))
    flat = [" ".join(text.split()) + " " for text in (before, after)]
    made = before
    for i, name in enumerate(names):
        last = i == len(names) - 1
        made += (flat[0] if i else "") + "%s %s; %s" % (found.group("type"), name, after.lstrip() if last else flat[1])
    return made + "\n" * (found.group().count("\n") - made.count("\n"))


def readable(text):
    text = re.sub(r"(?m)^DECOCT_API ", "", text)
    return COMMENT.sub(comment, FIELDS.sub(each_field, text))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(readable(file.read()))

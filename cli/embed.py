# SPDX-License-Identifier: BSD-2-Clause
# Turns a page into C arrays: embed.py page.html page.h, or embed.py report.html report_page.h MARK...
# where the parts between the marks become report_page_head, report_page_middle, report_page_tail.
# What the program knows goes between the parts.
import os
import sys


def array(name, data):
    lines = [", ".join(str(b) for b in data[i:i + 20]) for i in range(0, len(data), 20)]
    return "static const unsigned char %s[] = {\n%s};\n" % (name, ",\n".join(lines))


source, target, *marks = sys.argv[1:]
marks = marks or ["@DATA@"]
names = ["head", "middle", "tail"] if len(marks) == 2 else ["head", "tail"]
prefix = os.path.splitext(os.path.basename(target))[0]
with open(source, "rb") as file:
    rest = file.read()
text = ""
for name, mark in zip(names, marks):
    if rest.count(mark.encode()) != 1:
        sys.exit("embed.py: %s must hold %s once, and the marks in their order" % (source, mark))
    part, rest = rest.split(mark.encode())
    text += array(prefix + "_" + name, part)
with open(target, "w", encoding="ascii") as file:
    file.write(text + array(prefix + "_" + names[-1], rest))

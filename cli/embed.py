# SPDX-License-Identifier: BSD-2-Clause
# Turns page.html into a C array: embed.py page.html page.h. The data goes between the two halves.
import sys

MARK = b"@DATA@"


def array(name, data):
    lines = [", ".join(str(b) for b in data[i:i + 20]) for i in range(0, len(data), 20)]
    return "static const unsigned char %s[] = {\n%s};\n" % (name, ",\n".join(lines))


with open(sys.argv[1], "rb") as file:
    halves = file.read().split(MARK)
if len(halves) != 2:
    sys.exit("embed.py: %s must hold %s once" % (sys.argv[1], MARK.decode()))
with open(sys.argv[2], "w", encoding="ascii") as file:
    file.write(array("page_head", halves[0]) + array("page_tail", halves[1]))

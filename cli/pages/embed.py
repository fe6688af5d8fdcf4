# SPDX-License-Identifier: BSD-2-Clause
# Composes a page and turns it into C arrays: embed.py PREFIX TEMPLATE OUT.h. A line of the template
# that says @NAME@ is replaced by the file NAME beside it. Of a list that C has too, @NAME.def@, the
# page gets a constant NAME: [[kind of line, value, ...], ...]. The program puts text where @DATA@ and
# @RAW@ are: between the arrays PREFIX_head, PREFIX_middle (where there is @RAW@) and PREFIX_tail.
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench", "rows"))
sys.dont_write_bytecode = True
import fields  # noqa: E402

FILE = re.compile(r"^@([\w./-]+\.(?:css|js|txt|def)|[\w./-]+/LICENSE)@$", re.MULTILINE)


def compose(template):
    folder = os.path.dirname(template)

    def read(path):
        if path.endswith(".def"):
            name = os.path.splitext(os.path.basename(path))[0].upper()
            lines = ",\n".join(json.dumps([kind, *values]) for kind, values in fields.read(path))
            return "const %s = [\n%s\n];" % (name, lines)
        with open(path, encoding="utf-8") as file:
            return file.read().strip("\n")

    def part(match):
        text = read(os.path.join(folder, match.group(1)))
        # Inside a script element these would end it, or hide its end.
        if re.search(r"</script|</style|<!--", text, re.IGNORECASE):
            sys.exit("embed.py: %s must not hold </script, </style or <!--" % match.group(1))
        return text

    with open(template, encoding="utf-8") as file:
        return FILE.sub(part, file.read())


def split(page):
    """The page before @DATA@, between the two marks if it has both, and after the last."""
    pieces = re.split("@DATA@|@RAW@", page)
    if page.count("@DATA@") != 1 or page.count("@RAW@") > 1 or page.find("@RAW@") in range(
            page.find("@DATA@")):
        sys.exit("embed.py: a page must hold @DATA@ once, and @RAW@ at most once, behind it")
    return pieces


def array(name, text):
    data = text.encode()
    lines = [", ".join(str(b) for b in data[i:i + 20]) for i in range(0, len(data), 20)]
    return "static const unsigned char %s[] = {\n%s};\n" % (name, ",\n".join(lines))


def main(prefix, template, out):
    pieces = split(compose(template))
    names = ["head", "tail"] if len(pieces) == 2 else ["head", "middle", "tail"]
    with open(out, "w", encoding="ascii") as file:
        for name, piece in zip(names, pieces):
            file.write(array("%s_%s" % (prefix, name), piece))


if __name__ == "__main__":
    main(*sys.argv[1:])

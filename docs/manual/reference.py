# SPDX-License-Identifier: BSD-2-Clause
"""The directive `header`: a public header as a chapter, all of it, in the order of the header. Its headings are those
of the header's comments (`/* ---- Status ---- */`); what doxygen found between two of them follows.
"""
import os
import re
import xml.etree.ElementTree as xml

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.nodes import nested_parse_with_titles

INCLUDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "decoct")


def text_of(element):
    return " ".join("".join(element.itertext()).split())


class Header:
    """What doxygen found in one header: (line, reStructuredText), and the values of constants."""

    def __init__(self, folder, name):
        self.folder, self.found, self.values = folder, [], {}
        root = self.read(name.replace("_", "__").replace(".", "_8"))
        for member in root.iter("memberdef"):
            self.member(member, member.findtext("name"), int(member.find("location").get("line")))
        for inner in root.iter("innerclass"):
            line = int(self.read(inner.get("refid")).find("compounddef/location").get("line"))
            self.found.append((line, ".. doxygenstruct:: %s\n   :members:\n" % inner.text))
        self.headings(os.path.join(INCLUDE, name))

    def read(self, name):
        return xml.parse(os.path.join(self.folder, name + ".xml")).getroot()

    def member(self, member, name, line):
        if member.get("kind") != "enum" or not name.startswith("@"):
            self.found.append((line, ".. doxygen%s:: %s\n" % (member.get("kind"), name)))
        else:  # it has no name that could be asked for, but its values have
            described = re.sub(r"([*\\_`|])", r"\\\1", text_of(member.find("detaileddescription")))
            self.found.append((line, described + "\n"))
            self.found += [(line, ".. doxygenenumvalue:: %s\n" % value.findtext("name"))
                           for value in member.iter("enumvalue")]
        for constant in [member, *member.iter("enumvalue")]:
            value = constant.findtext("initializer")
            if value and value.count("(") == value.count(")") and constant.find("param") is None:
                self.values[constant.findtext("name")] = value.lstrip("= ")

    def headings(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for heading in re.finditer(r"^/\* -{4} (.*?) -+", text, re.M):
            title = heading.group(1)
            self.found.append((text.count("\n", 0, heading.start()) + 1, title + "\n" + "-" * len(title) + "\n"))

    def text(self):
        return "\n".join(rst for _, rst in sorted(self.found, key=lambda item: item[0]))


def without_chapter():
    """The public headers that no page of the reference is about: new parts of decoct.h."""
    chapters = os.listdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference"))
    return sorted(name for name in os.listdir(INCLUDE) if name.endswith(".h") and name != "lists.h"
                  and name[:-2] + ".rst" not in chapters)


class HeaderDirective(Directive):
    required_arguments = 1

    def run(self):
        name, node = self.arguments[0], nodes.section()
        node.document = self.state.document
        self.put(name, node)
        for part in without_chapter() if name == "decoct.h" else []:
            self.put(part, node, ".. _%s:\n\n%s\n%s\n\n" % (part.replace(".", "_8"), part, "-" * len(part)))
        return node.children

    def put(self, name, node, title=""):
        env = self.state.document.settings.env
        env.note_dependency(os.path.join(INCLUDE, name))
        header = Header(env.config.breathe_projects["decoct"], name)
        text = title + ".. doxygenfile:: %s\n   :sections: briefdescription detaileddescription\n\n" % name + header.text()
        nested_parse_with_titles(self.state, StringList(text.split("\n"), source=name), node)
        for line in node.findall(addnodes.desc_signature_line):
            value = header.values.get(line.astext().split(" ")[-1])
            if value:
                line += nodes.inline("", " = " + value, classes=["value"])


def setup(app):
    app.add_directive("header", HeaderDirective)
    return {"parallel_read_safe": True}

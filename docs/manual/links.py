# SPDX-License-Identifier: BSD-2-Clause
"""Links to files of the repository that are something else in the manual: to a public header (its chapter of the
reference), and to a folder (the page README.md in it).
"""
import os

from docutils import nodes
from sphinx import addnodes
from sphinx.util.nodes import make_refnode


def header_chapters(app, doctree):
    for link in list(doctree.findall(addnodes.download_reference)):
        folder, name = os.path.split(os.path.normpath(os.path.join(os.path.dirname(app.env.docname), link["reftarget"])))
        if folder == "include/decoct" and name.endswith(".h"):
            chapter = addnodes.pending_xref("", nodes.inline("", link.astext()), refdomain="std", reftype="doc",
                                            reftarget="/docs/manual/reference/" + name[:-2], refexplicit=True,
                                            refdoc=app.env.docname, refwarn=True)
            link.replace_self(chapter)


def page_of_folder(app, env, node, inside):
    if node["reftype"] != "any":  # what the Markdown parser asks for last
        return None
    page = os.path.normpath(os.path.join(os.path.dirname(node["refdoc"]), node["reftarget"], "README"))
    return make_refnode(app.builder, node["refdoc"], page, "", inside) if page in env.found_docs else None


def setup(app):
    app.connect("doctree-read", header_chapters)
    app.connect("missing-reference", page_of_folder)
    return {"parallel_read_safe": True}

# SPDX-License-Identifier: BSD-2-Clause
"""Links to files of the repository that are something else in the manual: to a public header (its chapter of the
reference), to a folder (the page README.md in it) and to a folder with the program of a language (the program). A folder
with neither is only named.
"""
import glob
import os

from docutils import nodes
from sphinx import addnodes
from sphinx.util.nodes import make_refnode


def header_chapter(env, link):
    """The chapter of a public header, or None."""
    folder, name = os.path.split(os.path.normpath(os.path.join(os.path.dirname(env.docname), link["reftarget"])))
    if folder != "include/decoct" or not name.endswith(".h"):
        return None
    chapter = "docs/manual/reference/" + name[:-2]
    if chapter not in env.found_docs:
        chapter = "docs/manual/reference/decoct"  # which has the parts without a chapter
    return addnodes.pending_xref("", nodes.inline("", link.astext()), refdomain="std", reftype="doc",
                                 reftarget="/" + chapter, refexplicit=True, refdoc=env.docname, refwarn=True)


def program(env, link):
    """The program in a folder that has no page, or None."""
    folder = os.path.normpath(os.path.join(os.path.dirname(env.docname), link["reftarget"]))
    found = glob.glob(os.path.join(env.srcdir, folder, "[Pp]otion.*"))
    if link["reftype"] != "myst" or len(found) != 1:
        return None
    path = os.path.relpath(found[0], env.srcdir)
    env.note_dependency(path)
    return addnodes.download_reference("", "", nodes.inline("", link.astext()), reftarget="/" + path,
                                       filename=env.dlfiles.add_file(env.docname, path))


def replace(app, doctree):
    for kind, make in ((addnodes.download_reference, header_chapter), (addnodes.pending_xref, program)):
        for link in list(doctree.findall(kind)):
            instead = make(app.env, link)
            if instead:
                link.replace_self(instead)


def page_of_folder(app, env, node, inside):
    if node["reftype"] != "any":  # what the Markdown parser asks for last
        return None
    folder = os.path.normpath(os.path.join(os.path.dirname(node["refdoc"]), node["reftarget"]))
    if folder + "/README" in env.found_docs:
        return make_refnode(app.builder, node["refdoc"], folder + "/README", "", inside)
    return inside if os.path.isdir(os.path.join(env.srcdir, folder)) else None


def setup(app):
    app.connect("doctree-read", replace)
    app.connect("missing-reference", page_of_folder)
    return {"parallel_read_safe": True}

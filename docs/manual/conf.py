# SPDX-License-Identifier: BSD-2-Clause
# The manual, built by ci/docs. Its source is the whole repository, so that each page is where it is read without
# the manual, too, and each text exists once: `pages` names those that belong to it.
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)


def number():
    with open(os.path.join(TOP, "meson.build"), encoding="utf-8") as file:
        return re.search(r"version: '([\d.]+)'", file.read()).group(1)


project = "Decoct"
release = number()
copyright = "the authors of Decoct, BSD-2-Clause"  # pylint: disable=redefined-builtin
root_doc = "docs/manual/index"
include_patterns = ["docs/**", "examples/**README.md", "bindings/**README.md", "models/potion/CARD.md",
                    "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = ["build*", "**/node_modules", ".git"]
extensions = ["breathe", "myst_parser", "sphinx.ext.githubpages", "links", "reference", "theme"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = True
nitpick_ignore_regex = [("c:identifier", r"u?int\d+_t|size_t|FILE")]  # of the C library

myst_heading_anchors = 4
breathe_projects = {"decoct": os.environ["DECOCT_MANUAL_XML"]}
breathe_default_project = "decoct"
breathe_domain_by_extension = {"h": "c"}
primary_domain = "c"
highlight_language = "none"

html_theme = "furo"
html_title = "Decoct " + release
html_static_path = ["static"]
html_css_files = ["manual.css"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None

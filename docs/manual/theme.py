# SPDX-License-Identifier: BSD-2-Clause
"""Debian's furo expects a web server: its style sheet imports one from /javascript, and its script is a module, which
browsers do not load from a file. Here both become one piece each, so that the manual can be opened from a folder. And
its colours for the dark, which its own compiler loses, are there where the system asks for them.
"""
import os
import re

NORMALIZE = "/usr/share/javascript/normalize.css/normalize.css"
PIECES = {"styles/furo.css": ("@import url(/javascript/normalize.css/normalize.css);", NORMALIZE),
          "scripts/furo.js": ('import Gumshoe from "./gumshoe-patched.js";', "scripts/gumshoe-patched.js")}


def darkened(text):
    """The rules of the dark theme apply, too, where the system is dark and the reader has not chosen."""
    dark = re.search(r'body\[data-theme="dark"\] (\{.*?\})', text, re.S)
    if not dark or "prefers-color-scheme" in text:
        return text
    return text + '\n@media screen and (prefers-color-scheme: dark) {\nbody:not([data-theme="light"]) %s\n}\n' % dark.group(1)


def join(app, error):
    static = os.path.join(app.outdir, "_static")
    for name, (line, piece) in PIECES.items():
        path = os.path.join(static, name)
        if error or not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if line in text:
            with open(os.path.join(static, piece), encoding="utf-8") as file:
                text = text.replace(line, file.read())
        if name.endswith(".css"):
            text = darkened(text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def setup(app):
    app.connect("build-finished", join)
    return {"parallel_read_safe": True}

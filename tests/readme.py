# SPDX-License-Identifier: BSD-2-Clause
# What the tests of the examples share: the blocks of a text in Markdown, and running a program. In
# a cross build programs run in an emulator and are compiled by the cross compiler.
import os
import re
import shlex
import subprocess

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
EMULATOR = shlex.split(os.environ.get("DECOCT_TEST_EMULATOR", ""))
CC = shlex.split(os.environ.get("DECOCT_TEST_CC", "cc"))


def blocks(file, language):
    """The contents of the ```language blocks of a file of the repository, in order."""
    with open(os.path.join(TOP, file), encoding="utf-8") as text:
        found = re.findall(r"^```(\w+)\n(.*?)^```$", text.read(), re.M | re.S)
    return [content for name, content in found if name == language]


def run(command, folder=None, stderr="", **env):
    """stdout of a program that must end with 0 and print only what matches this on stderr."""
    full = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
    done = subprocess.run(command, cwd=folder, env=dict(full, LC_ALL="C.UTF-8", **env),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600)
    said = done.stderr.decode(errors="replace")
    if done.returncode or not re.fullmatch(stderr, said):
        raise AssertionError("%s: exit code %d\n%s" % (command, done.returncode, said))
    return done.stdout.decode()


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path

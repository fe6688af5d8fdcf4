# SPDX-License-Identifier: BSD-2-Clause
"""Builds the wheel (PEP 517) with Python's standard library alone.

Settings (pip's --config-settings KEY=VALUE):
  prefix=FOLDER   take library, backends and model from this installed tree instead of building them
  native=no       leave them out: the package loads the system's libdecoct.so.0
"""
from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import tempfile
import zipfile

import native

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(os.path.dirname(HERE))
METADATA = """\
Metadata-Version: 2.1
Name: decoct
Version: %s
Summary: GPT decoder blocks on the CPU, the same bits on every backend
License: BSD-2-Clause
Requires-Python: >=3.9
Provides-Extra: numpy
Requires-Dist: numpy>=1.21; extra == "numpy"
Description-Content-Type: text/markdown

%s"""
WHEEL = "Wheel-Version: 1.0\nGenerator: decoct\nRoot-Is-Purelib: %s\nTag: %s\n"


def read(*path: str) -> str:
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def version() -> str:
    found = re.search(r"(?m)^  version: '([\d.]+)'", read(TOP, "meson.build"))
    if not found:
        raise SystemExit("decoct: %s/meson.build states no version" % TOP)
    return found.group(1)


def package_files() -> list[tuple[str, str]]:
    """(name in the wheel, path) of the Python part."""
    folder = os.path.join(HERE, "decoct")
    return [("decoct/" + name, os.path.join(folder, name)) for name in sorted(os.listdir(folder))
            if name.endswith(".py") or name == "py.typed"]


class Wheel:
    """The archive, and its table of contents with hashes. Times are fixed, so that the same files give
    the same archive."""

    def __init__(self, path: str) -> None:
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self.records: list[str] = []

    def add(self, name: str, content: bytes, mode: int = 0o644) -> None:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (0o100000 | mode) << 16
        self.zip.writestr(info, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.records.append("%s,sha256=%s,%d\n" % (name, digest, len(content)))

    def add_file(self, name: str, path: str) -> None:
        with open(path, "rb") as file:
            self.add(name, file.read(), 0o755 if name.endswith((".so", ".0")) else 0o644)

    def close(self, folder: str) -> None:
        name = folder + "/RECORD"
        self.add(name, ("".join(self.records) + name + ",,\n").encode())
        self.zip.close()


def check_settings(settings: dict[str, str]) -> None:
    unknown = set(settings) - {"prefix", "native"}
    if unknown or settings.get("native", "no") != "no" or len(settings) > 1:
        raise SystemExit("decoct: the settings are prefix=FOLDER or native=no, not %s" % settings)


def write_wheel(folder: str, settings: dict[str, str], work: str) -> str:
    parts = native.Parts()
    if "native" not in settings:
        prefix = settings.get("prefix") or native.build(TOP, work)
        parts = native.collect(os.path.abspath(prefix), work)
    tag = "py3-none-" + parts.platform
    name, info = "decoct-%s-%s.whl" % (version(), tag), "decoct-%s.dist-info" % version()
    wheel = Wheel(os.path.join(folder, name))
    for inside, path in package_files():
        wheel.add_file(inside, path)
    for inside, path in parts.files:
        wheel.add_file("decoct/_native/" + inside, path)
    wheel.add(info + "/METADATA", (METADATA % (version(), read(HERE, "README.md"))).encode())
    wheel.add(info + "/WHEEL", (WHEEL % ("false" if parts.files else "true", tag)).encode())
    wheel.add(info + "/LICENSE", read(TOP, "LICENSE").encode())
    for inside, path in parts.licences:
        wheel.add_file(info + "/licenses/" + inside, path)
    wheel.close(info)
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):  # PEP 517
    settings = dict(config_settings or {})
    check_settings(settings)
    with tempfile.TemporaryDirectory() as work:
        return write_wheel(wheel_directory, settings, work)


def build_sdist(sdist_directory, config_settings=None):  # PEP 517
    sys.exit("decoct: there is no source distribution of the Python package alone: the release tarball of "
             "Decoct (meson dist) has it in bindings/python")

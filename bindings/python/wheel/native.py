# SPDX-License-Identifier: BSD-2-Clause
"""The compiled part of the wheel: builds it, finds what it needs beside the C library, and computes the
manylinux tag from the versions of the symbols that it uses.
"""
from __future__ import annotations

import glob
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, field

# What every Linux of the tag has (PEP 600); all else goes into the wheel.
OF_THE_SYSTEM = re.compile(r"(ld-linux.*|libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+)\.so\.\d+$|linux-vdso")


@dataclass
class Parts:
    """Files are (name below decoct/_native, path)."""

    files: list[tuple[str, str]] = field(default_factory=list)
    licences: list[tuple[str, str]] = field(default_factory=list)
    platform: str = "any"


def run(*command: str, env: "dict[str, str] | None" = None) -> str:
    if not shutil.which(command[0]):
        raise SystemExit("decoct: %s is missing. Debian: apt-get install gcc meson pkg-config libsleef-dev "
                         "libhwloc-dev libjansson-dev binutils" % command[0])
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, check=False)
    if done.returncode:
        raise SystemExit("decoct: %s failed:\n%s" % (" ".join(command), done.stdout[-4000:]))
    return done.stdout


def build(top: str, work: str) -> str:
    """Compiles and installs Decoct below `work`; returns the prefix."""
    # Meson is a program of the system, not of the isolated environment in which pip runs this.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    tree, prefix = os.path.join(work, "build"), os.path.join(work, "prefix")
    run("meson", "setup", tree, top, "--prefix=" + prefix, "--libdir=lib", "-Dbuildtype=release", "-Dtests=disabled",
        "-Dbench=disabled", "-Dreport=disabled", "-Ddefault_library=shared", env=env)
    run("meson", "install", "-C", tree, "--quiet", env=env)
    return prefix


def needed(path: str) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-W", "-d", path))


def resolved(path: str) -> dict[str, str]:
    """Name to path of all libraries that are loaded with this one."""
    return dict(re.findall(r"(\S+) => (/\S+)", run("ldd", path)))


def glibc_minor(path: str) -> int:
    """N where this file needs GLIBC_2.N."""
    return max([int(minor) for minor in re.findall(r"\bGLIBC_2\.(\d+)", run("readelf", "-W", "-V", path))], default=17)


def licence_of(path: str) -> "str | None":
    """Where Debian keeps the licence of a library."""
    if not shutil.which("dpkg-query"):
        return None
    for name in path, os.path.realpath(path), re.sub("^/usr/", "/", os.path.realpath(path)):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        package = done.stdout.split(":")[0]
        copyright_file = "/usr/share/doc/%s/copyright" % package
        if done.returncode == 0 and os.path.exists(copyright_file):
            return copyright_file
    return None


def foreign_libraries(own: list[str]) -> list[tuple[str, str]]:
    """(name, path) of what the system may lack, each after those that it needs itself."""
    paths: dict[str, str] = {}
    for path in own:
        paths.update(resolved(path))
    order: list[tuple[str, str]] = []

    def visit(name: str) -> None:
        if OF_THE_SYSTEM.match(name) or name.startswith("libdecoct.") or name in [seen for seen, _ in order]:
            return
        if name not in paths:
            raise SystemExit("decoct: %s, which the library needs, is not found on this system" % name)
        for other in needed(paths[name]):
            visit(other)
        order.append((name, paths[name]))

    for path in own:
        for name in needed(path):
            visit(name)
    return order


def collect(prefix: str, work: str) -> Parts:
    """The library, its backends, its model and what they need, from an installed tree. The places
    relative to each other stay: the library finds backends and model by them."""
    found = sorted(glob.glob(prefix + "/lib*/**/libdecoct.so.0", recursive=True))
    if len(found) != 1:
        raise SystemExit("decoct: %s has %d files lib*/**/libdecoct.so.0 instead of one" % (prefix, len(found)))
    if platform.libc_ver()[0] != "glibc":
        raise SystemExit("decoct: the wheel is made for glibc only; with --config-settings native=no the package "
                         "uses an installed libdecoct.so.0")
    library, folder = found[0], os.path.dirname(found[0])
    backends = sorted(glob.glob(folder + "/decoct/backends/*.so"))
    models = sorted(path for path in glob.glob(prefix + "/share/decoct/models/**", recursive=True)
                    if os.path.isfile(path))
    if not models:
        raise SystemExit("decoct: %s has no share/decoct/models" % prefix)
    foreign = foreign_libraries([library, *backends])
    inside = os.path.relpath(folder, prefix)
    order = os.path.join(work, "load.txt")
    with open(order, "w", encoding="utf-8") as file:
        file.writelines("%s/%s\n" % (inside, name) for name in [*(name for name, _ in foreign), "libdecoct.so.0"])
    parts = Parts([("load.txt", order)])
    parts.files += [(os.path.relpath(path, prefix), path) for path in [library, *backends, *models]]
    parts.files += [("%s/%s" % (inside, name), path) for name, path in foreign]
    parts.licences = [(name + ".txt", licence) for name, path in foreign if (licence := licence_of(path))]
    minor = max(glibc_minor(path) for path in [library, *backends, *(path for _, path in foreign)])
    parts.platform = "manylinux_2_%d_%s" % (minor, platform.machine())
    return parts

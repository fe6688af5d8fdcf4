# SPDX-License-Identifier: BSD-2-Clause
"""Spack: builds Decoct from its release archive."""
from spack.package import *  # pylint: disable=wildcard-import,unused-wildcard-import


class Decoct(MesonPackage):
    """GPT decoder blocks on the CPU, the same bits on every backend, and the harness that proves it."""

    # The archive that `meson dist` makes: spack install --source, or `url` of a mirror of yours.
    homepage = "https://example.org/decoct"
    url = "https://example.org/decoct-0.1.0.tar.xz"

    license("BSD-2-Clause")

    version("0.1.0")

    variant("bench", default=True, description="decoct bench, sweep, ab and gate (Google Benchmark)")
    variant("report", default=True, description="decoct report and export (simdjson)")

    depends_on("c", type="build")
    depends_on("cxx", type="build", when="+bench")
    depends_on("cxx", type="build", when="+report")
    depends_on("meson@1.0.1:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("python@3.9:", type="build")
    depends_on("sleef")
    depends_on("hwloc@2:")
    depends_on("jansson")
    depends_on("benchmark", when="+bench")
    depends_on("libmd", when="+bench")
    depends_on("simdjson@3.0.1:", when="+report")

    def meson_args(self):
        def feature(name):
            return "-D%s=%s" % (name, "enabled" if self.spec.satisfies("+" + name) else "disabled")
        return [feature("bench"), feature("report"), "-Dtests=disabled"]

# SPDX-License-Identifier: BSD-2-Clause
# The archive of a static build, installed and moved: test_static.py BUILD. A program is linked with
# it by pkg-config, with and without --static, and finds the model wherever it is run.
import os
import re
import shutil
import subprocess
import tempfile
import sys
import unittest

from readme import CC, EMULATOR, run, write

BUILD = os.path.abspath(sys.argv.pop(1))
os.environ.pop("LD_LIBRARY_PATH", None)

SOURCE = r"""
#include <decoct/decoct.h>
#include <stdio.h>

int main(void) {
    static float logits[1 << 16];
    char folder[4096] = "";
    decoct_context *ctx = NULL;
    decoct_model *model = NULL;
    decoct_session *session = NULL;
    decoct_sample_args greedy = {.struct_size = sizeof greedy};
    decoct_model_info info = {.struct_size = sizeof info};
    int32_t ids[64], next = 0;
    int64_t count = 0;
    uint64_t length = 0;
    if (decoct_context_open(NULL, &ctx) || decoct_default_model(ctx, folder, sizeof folder, &length)) {
        printf("error: %s\n", decoct_last_error(ctx));
        return 0;
    }
    char word[64];
    const char text[] = "Sarah lies still on the bed, feeling";
    if (decoct_model_open(ctx, "potion", &model) || decoct_model_describe(ctx, model, &info) ||
        decoct_session_create(ctx, model, 0, &session) ||
        decoct_encode(ctx, model, text, sizeof text - 1, ids, 64, &count) ||
        decoct_session_eval(ctx, session, ids, count, 0, logits) ||
        decoct_sample(ctx, &greedy, logits, info.vocabulary, &next) ||
        decoct_decode(ctx, model, &next, 1, word, sizeof word, &length)) {
        printf("error: %s\n", decoct_last_error(ctx));
        return 1;
    }
    printf("%s\n%.*s\n", folder, (int)length, word);
    decoct_session_destroy(session);
    decoct_model_close(model);
    decoct_context_close(ctx);
    return 0;
}
"""


class Static(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.top = os.path.realpath(folder.name)
        staged = os.path.join(cls.top, "staged")
        subprocess.run([shutil.which("meson"), "install", "-C", BUILD, "--no-rebuild", "--quiet",
                        "--destdir", staged], check=True, stdout=subprocess.DEVNULL)
        archives = [os.path.join(place, "libdecoct.a") for place, _, names in os.walk(staged)
                    if "libdecoct.a" in names]
        assert len(archives) == 1, archives
        library = os.path.dirname(archives[0])
        place = os.path.join(library, "pkgconfig")
        with open(os.path.join(place, "decoct.pc"), encoding="utf-8") as file:
            up = re.search(r"^prefix=\$\{pcfiledir\}/(.*)$", file.read(), re.M).group(1)
        cls.configured = os.path.normpath(os.path.join(place, up))[len(staged):]
        cls.prefix = os.path.join(cls.top, "prefix")
        shutil.move(staged + cls.configured, cls.prefix)
        cls.pc = os.path.join(library.replace(staged + cls.configured, cls.prefix), "pkgconfig")
        cls.models = os.path.join(cls.prefix, "share", "decoct", "models")
        write(cls.top, "host.c", SOURCE)
        cls.host = cls.link("host")

    @classmethod
    def flags(cls, *kinds):
        return run(["pkg-config", *kinds, "decoct"], PKG_CONFIG_PATH=cls.pc).split()

    @classmethod
    def link(cls, name, *kinds):
        program = os.path.join(cls.top, name)
        run([*CC, "host.c", "-o", program, *cls.flags("--cflags", *kinds), *cls.flags("--libs", *kinds)],
            cls.top)
        return program

    def answer(self, program, **env):
        return run([*EMULATOR, program], "/", **env).splitlines()

    def place(self, *parts):
        """A copy of the program in a folder of its own."""
        folder = os.path.join(self.top, *parts)
        os.makedirs(folder, exist_ok=True)
        return shutil.copy(self.host, os.path.join(folder, "host"))

    def test_path(self):
        self.assertEqual(self.answer(self.host, DECOCT_MODEL_PATH=self.models),
                         [self.models + "/potion", " tired"])

    def test_pkg_config_static(self):
        program = self.link("host-static", "--static")
        self.assertEqual(self.answer(program, DECOCT_MODEL_PATH=self.models),
                         [self.models + "/potion", " tired"])

    def test_beside_the_program(self):
        program = self.place("application")
        os.symlink(self.models, os.path.join(self.top, "application", "models"))
        self.assertEqual(self.answer(program), [self.models + "/potion", " tired"])

    def test_in_a_prefix(self):
        program = self.place("elsewhere", "bin")
        shutil.copytree(self.models, os.path.join(self.top, "elsewhere", "share", "decoct", "models"))
        self.assertEqual(self.answer(program)[0], self.top + "/elsewhere/share/decoct/models/potion")

    def test_the_path_comes_first(self):
        program = self.place("first")
        os.symlink(self.models, os.path.join(self.top, "first", "models"))
        other = shutil.copytree(self.models, os.path.join(self.top, "other"))
        self.assertEqual(self.answer(program, DECOCT_MODEL_PATH="/no/such:" + other)[0], other + "/potion")

    def test_nowhere(self):
        installed = os.path.join(self.configured, "share", "decoct", "models", "potion")
        answer = self.answer(self.host)
        if os.path.exists(installed):  # this machine has one
            self.assertEqual(answer[0], os.path.realpath(installed))
        else:
            self.assertRegex(answer[0], "error: model 'potion': neither in a folder of DECOCT_MODEL_PATH")

    def test_shared_libraries(self):
        if not shutil.which("readelf"):
            self.skipTest("there is no readelf")
        needed = set(re.findall(r"NEEDED.*\[([a-z]+)", run(["readelf", "-d", self.host])))
        self.assertLessEqual(needed, {"libsleef", "libhwloc", "libjansson", "libm", "libc", "ld"})
        self.assertGreaterEqual(needed, {"libsleef", "libhwloc"})


if __name__ == "__main__":
    if not shutil.which("pkg-config") or not shutil.which("meson"):
        print("skipped: there is no pkg-config or no meson")
        sys.exit(77)
    unittest.main()

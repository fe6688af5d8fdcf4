# SPDX-License-Identifier: BSD-2-Clause
# 64-bit ARM, emulated: test_aarch64.py BUILD. Each CPU must see its own instructions and choose
# its backend, and give what tests/golden says, which x86-64 gives too (test_cli.py): the hash of every
# kernel, and the answers of the default model with their probabilities to the last bit.
import json
import os
import re
import subprocess
import sys
import unittest

from readme import EMULATOR, TOP

DECOCT = os.path.join(os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build-aarch64",
                      "cli", "decoct")
HASHES = os.path.join(TOP, "tests", "golden", "hashes.txt")
# What the emulator models, by the reference manuals of the CPUs.
V8 = {"neon"}
V82 = V8 | {"neon_fp16", "neon_dotprod"}
NEWEST = V82 | {"neon_bf16", "neon_i8mm"}
SVE = NEWEST | {"sve", "sve2"}
# And the backend that each shall choose: by the length of its registers.
CPUS = {"cortex-a53": (V8, "neon"), "cortex-a72": (V8, "neon"), "neoverse-n1": (V82, "neon"),
        "a64fx": (V8 | {"neon_fp16", "sve", "sve_512"}, "sve_512"), "max,sve=off": (NEWEST, "neon"),
        "max,sve128=on": (SVE | {"sve_128"}, "neon"),
        "max,sve256=on": (SVE | {"sve_256"}, "sve_256"), "max,sve384=on": (SVE, "neon"),
        "max,sve512=on": (SVE | {"sve_512"}, "sve_512")}
TESTED = ("cortex-a53", "neoverse-n1", "max,sve=off")


def run(cpu, *args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
    done = subprocess.run([*EMULATOR, DECOCT, *args], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600,
                          env=dict(env, LC_ALL="C.UTF-8", QEMU_CPU=cpu))
    return done.returncode, done.stdout, done.stderr


def output(cpu, *args):
    code, out, err = run(cpu, *args)
    if code or (err and not (args[0] == "hash" and re.fullmatch("served by .*\n", err))):
        raise AssertionError("%s, decoct %s: exit code %d: %s" % (cpu, " ".join(args), code, err))
    return out


class AArch64(unittest.TestCase):
    def test_instructions_and_choice(self):
        for cpu, (features, backend) in CPUS.items():
            with self.subTest(cpu=cpu):
                info = json.loads(output(cpu, "info", "--json"))
                if backend not in [b["name"] for b in info["backends"]]:
                    continue # a clang before 19 leaves it out
                self.assertEqual(info["family"], "aarch64")
                self.assertEqual(set(info["features"]), features)
                self.assertEqual(set(info["kernels"].values()), {backend})

    def test_hashes(self):
        for cpu in TESTED:
            with self.subTest(cpu=cpu):
                out = output(cpu, "hash", "--check", HASHES)
                self.assertRegex(out, r"^\d+ hashes, all as in ")
                self.assertGreaterEqual(int(out.split()[0]), 224)
        self.assertIn("all as in", output("max,sve=off", "hash", "--backend", "scalar", "--check", HASHES))

    def test_answers(self):
        with open(os.path.join(TOP, "tests", "golden", "potion.json"), encoding="utf-8") as file:
            golden = json.load(file)
        for cpu in TESTED:
            for answer in golden:
                with self.subTest(cpu=cpu, prompt=answer["prompt"]):
                    out = json.loads(output(cpu, "next", "--json", "--top", "20", answer["prompt"]))
                    self.assertEqual((out["backend"], out["next"]), ("neon", answer["next"]))

    def test_threads_and_pinning(self):
        ask = ("max,sve=off", "next", "--json", "Sarah lies still on the bed, feeling", "--threads")
        wanted = output(*ask, "1")
        for policy in ("none", "compact", "spread", "core", "0"):
            threads = "1" if policy == "0" else "2"
            self.assertEqual(output(*ask, threads, "--pin", policy), wanted)
        info = json.loads(output("max,sve=off", "info", "--json", "--threads", "1", "--pin", "0"))
        self.assertEqual((info["pin"], info["pin_error"]), ("0", None))
        self.assertTrue(info["topology"]["allowed"])

    def test_the_impossible_is_refused(self):
        code, out, err = run("cortex-a53", "next", "--backend", "avx2", "Sarah lies")
        self.assertEqual((code, out), (70, ""))
        self.assertIn("avx2", err)


if __name__ == "__main__":
    unittest.main()

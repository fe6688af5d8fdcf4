# SPDX-License-Identifier: BSD-2-Clause
# Other CPUs, emulated: test_qemu.py PATH-OF-DECOCT. Each must choose what it can run, never meet an
# illegal instruction, and give the same answer. Exit code 77 where there is no qemu-x86_64.
# The emulator has no AVX-512, and it is 25 to 60 times slower than the machine.
import json
import os
import platform
import shutil
import subprocess
import sys
import unittest

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
QEMU = shutil.which("qemu-x86_64")
SARAH = "Sarah lies still on the bed, feeling"
MOTHER = "Sarah lies to her mother, feeling"
# CPU of the emulator, and what must be chosen.
CPUS = [
    ("Nehalem", "scalar"),        # SSE4.2
    ("SandyBridge", "scalar"),    # AVX, no FMA
    ("Haswell", "avx2"),
    ("EPYC", "avx2"),
    ("Haswell,-xsave", "scalar"), # AVX2 is in CPUID, the operating system does not keep ymm
    ("Haswell,-fma", "scalar"),   # a hypervisor may hide one bit of many
]


def run(*args, cpu=None, **env):
    """(stdout, what the emulator did not say itself); any other exit code than 0 is an error."""
    emulator = [QEMU, "-cpu", cpu] if cpu else []
    full = {k: v for k, v in os.environ.items() if k != "DECOCT_BACKEND"}
    done = subprocess.run(emulator + [DECOCT, *args], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=1800,
                          env=dict(full, LC_ALL="C.UTF-8", **env))
    said = [line for line in done.stderr.splitlines() if "TCG doesn't support" not in line]
    return done.returncode, done.stdout, "\n".join(said)


def answer(prompt, cpu=None):
    code, out, err = run("next", "--json", "--top", "20", "--threads", "2", prompt, cpu=cpu)
    if code:
        raise AssertionError("%s: exit code %d: %s" % (cpu, code, err))
    return json.loads(out)


class OtherCPUs(unittest.TestCase):
    def test_the_answer(self):
        native = answer(SARAH)
        for cpu, backend in CPUS:
            with self.subTest(cpu=cpu):
                emulated = answer(SARAH, cpu)
                self.assertEqual(emulated["backend"], backend)
                self.assertEqual([row["text"] for row in emulated["next"]],
                                 [row["text"] for row in native["next"]])
                for mine, theirs in zip(emulated["next"], native["next"]):
                    self.assertEqual(mine, theirs)

    def test_the_numbers_are_of_this_prompt(self):
        # Two prompts, two answers: the comparison above does not compare constants.
        self.assertNotEqual(answer(SARAH, "Haswell")["next"], answer(MOTHER, "Haswell")["next"])

    def test_hash(self):
        native, emulated = run("hash"), run("hash", cpu="Haswell")
        self.assertEqual((native[0], emulated[0]), (0, 0), emulated[2])
        self.assertGreater(len(native[1].splitlines()), 40)
        self.assertEqual(native[1].splitlines(), emulated[1].splitlines())

    def test_erf_without_fma(self):
        native, emulated = run("hash", "--op", "gelu_erf"), run("hash", "--op", "gelu_erf", cpu="Nehalem")
        self.assertEqual((native[0], emulated[0]), (0, 0), emulated[2])
        self.assertIn("gelu_erf", native[1])
        self.assertEqual(native[1].splitlines(), emulated[1].splitlines())

    def test_the_impossible_is_refused(self):
        for cpu, backend in (("Nehalem", "avx2"), ("Haswell,-xsave", "avx2"), ("max", "avx512")):
            with self.subTest(cpu=cpu, backend=backend):
                code, out, err = run("next", "--backend", backend, SARAH, cpu=cpu)
                self.assertEqual((code, out), (70, ""))
                self.assertIn(backend, err)

    def test_info(self):
        code, out, _ = run("info", cpu="Haswell,-xsave")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^\s*avx2 +no +no .*lacks avx2")


if __name__ == "__main__":
    if not QEMU or platform.machine() != "x86_64":
        print("skipped: no qemu-x86_64 (Debian: qemu-user) or not an x86-64 build")
        sys.exit(77)
    if run("next", SARAH)[0]:
        print("skipped: the program has no default model here")
        sys.exit(77)
    unittest.main()

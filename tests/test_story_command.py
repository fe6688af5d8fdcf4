# SPDX-License-Identifier: BSD-2-Clause
# `decoct story` on the command line: test_story_command.py PATH-OF-DECOCT. Options, files, and the command that the page
# shows. What the page says is in test_story.py, which needs numpy.
import json
import os
import resource
import subprocess
import sys
import tempfile
import unittest

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "models")


def run(*args, **options):
    return subprocess.run([DECOCT, "story", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600, check=False, **options)


def model(name):
    return ["--model", os.path.join(MODELS, name)]


def data_of(page):
    return json.loads(page.split(b'id="data">')[1].split(b"</script>")[0])


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_same_bytes(self):
        pages = []
        for k, args in enumerate(([], [], ["--threads", "1"], ["--threads", "3"])):
            page = self.path("%d.html" % k)
            self.assertEqual(run("the ant in", "-o", page, *model("gpt2-f32"), *args).returncode, 0)
            with open(page, "rb") as file:
                pages.append(file.read())
        self.assertEqual(len(set(pages)), 1)
        ran = run("the ant in", "-o", "-", *model("gpt2-f32"))
        self.assertEqual((ran.returncode, ran.stdout), (0, pages[0]))
        ran = run("the ant in", "-o", "-", "--backend", "scalar", *model("gpt2-f32"))
        scalar, best = (data_of(page) for page in (ran.stdout, pages[0]))
        self.assertEqual(scalar.pop("backend"), "scalar")
        best.pop("backend")
        self.assertEqual(scalar, best)

    def test_printed_command(self):
        """It is run by a shell, with a program named decoct, and makes the same page."""
        os.symlink(DECOCT, self.path("decoct"))
        for text in ('a "$(reboot)" `x` \\ </script> <b>', "it's '' $HOME !! \\'", "-x", "--help", "- a\nb", "the"):
            for more in ([], ["--layer", "2", "--head", "3"]):
                with self.subTest((text, more)):
                    ran = run("-o", "-", *model("gpt2-f32"), *more, "--", text)
                    self.assertEqual(ran.returncode, 0, ran.stderr)
                    data = data_of(ran.stdout)
                    self.assertEqual(data["text"], text)
                    shell = subprocess.run(["sh", "-c", data["command"]], cwd=self.folder, capture_output=True, check=False,
                                           env={**os.environ, "PATH": self.folder + ":" + os.environ["PATH"]})
                    self.assertEqual(shell.returncode, 0, shell.stderr)
                    with open(self.path("story.html"), "rb") as file:
                        self.assertEqual(file.read(), ran.stdout)

    def test_file_over_the_limit(self):
        page = self.path("story.html")
        ran = run("the", "-o", page, *model("gpt2-f32"),
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
        self.assertEqual(ran.returncode, 70)
        self.assertIn(b"File too large", ran.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_refused(self):
        page = self.path("story.html")
        for args, message in ((["the"], "-o story.html"), (["the", "-o", "story.png"], ".html"), (["-o", page, ""], "empty"),
                              (["the", "-o", page, "--head", "1"], "--head needs --layer"),
                              (["the", "-o", page, "--layer", "9", "--head", "1"], "2 layers"),
                              (["the", "-o", page, "--layer", "1", "--head", "9"], "4 heads"),
                              (["z" * 41, "-o", page], "41 tokens"), (["the", "-o", page, "--layer", "x"], "--layer")):
            with self.subTest(args):
                ran = run(*args, *model("gpt2-f32"))
                self.assertEqual((ran.returncode, ran.stdout), (64, b""))
                self.assertIn(message, ran.stderr.decode())
                self.assertFalse(os.path.exists(page))

    def test_65_tokens(self):
        ran = run("z" * 65, "-o", self.path("story.html"), *model("gpt2-one-head"))
        self.assertEqual(ran.returncode, 64)
        self.assertIn(b"at most 64 tokens, and this text has 65", ran.stderr)

    def test_whole_or_not_at_all(self):
        page = self.path("story.html")
        os.symlink("/dev/full", page)
        ran = run("the", "-o", page, *model("gpt2-f32"))
        self.assertEqual(ran.returncode, 70)
        self.assertIn(b"cannot write", ran.stderr)
        link = self.path("link.html")
        with open(self.path("config.json"), "wb") as copy_, open(os.path.join(MODELS, "gpt2-f32", "config.json"), "rb") as file:
            copy_.write(file.read())
        for name in ("model.safetensors", "vocab.json", "merges.txt"):
            os.symlink(os.path.join(MODELS, "gpt2-f32", name), self.path(name))
        os.symlink(self.path("config.json"), link)
        ran = run("the", "-o", link, "--model", self.folder)
        self.assertEqual(ran.returncode, 64)
        self.assertIn(b"is a file of the model", ran.stderr)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: BSD-2-Clause
# `decoct story`: test_story.py PATH-OF-DECOCT. Exit code 77, a skip: there is no numpy.
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import own_libraries  # noqa: E402, F401
DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
MODELS = os.path.join(HERE, "fixtures", "models")

try:
    import numpy
except ImportError:
    print("skipped: numpy is missing")
    sys.exit(77)
import story_page  # noqa: E402


def run(*args, **options):
    return subprocess.run([DECOCT, "story", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600, check=False, **options)


def model(name):
    return ["--model", os.path.join(MODELS, name)]


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def story(self, text, *args):
        page = self.path("story.html")
        ran = run(text, "-o", page, *args)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return story_page.page_data(page)


class Command(Folder):
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
        scalar, best = (json.loads(page.split(b'id="data">')[1].split(b"</script>")[0]) for page in (ran.stdout, pages[0]))
        self.assertEqual(scalar.pop("backend"), "scalar")
        best.pop("backend")
        self.assertEqual(scalar, best)

    def test_weights(self):
        """Of every head the shares of a token add up to 1, and a later token has no share."""
        for name in ("gpt2-f32", "gpt1-bf16"):
            data = self.story("the ant in", *model(name))
            for weights in data["weights"].reshape(-1, *data["weights"].shape[2:]):
                self.assertTrue(story_page.near(weights.sum(axis=1), 1).all())
                self.assertEqual(numpy.triu(weights, 1).max(), 0)
            self.assertTrue((numpy.triu(data["lifted"]["weights"][0, 0]) > 0).any(axis=0).all())

    def test_head_of_choice(self):
        data = self.story("the ant in", "--layer", "2", "--head", "3", *model("gpt2-f32"))
        self.assertEqual((data["opens"]["layer"], data["opens"]["head"]), (1, 2))
        self.assertIn("--layer 2 --head 3", data["command"])

    def test_text_is_quoted(self):
        text = 'a "$(reboot)" `x` \\ </script> <b>'
        data = self.story(text, *model("gpt2-f32"))
        self.assertEqual(data["text"], text)
        shell = data["command"].replace("decoct story", "printf %s\\\\n", 1)
        shown = subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertEqual(shown.split("\n")[0], text)

    def test_refused(self):
        page = self.path("story.html")
        for args, message in ((["the"], "-o story.html"), (["the", "-o", "story.png"], ".html"), (["-o", page, ""], "empty"),
                              (["the", "-o", page, "--layer", "1"], "belong together"),
                              (["the", "-o", page, "--head", "1"], "belong together"),
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

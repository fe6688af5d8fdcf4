# SPDX-License-Identifier: BSD-2-Clause
# The program `decoct` as a user runs it: test_cli.py PATH-OF-DECOCT. Tests of the default model are
# skipped without it. Python's standard library only.
import base64
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
HERE = os.path.dirname(os.path.abspath(__file__))
SARAH = "Sarah lies still on the bed, feeling"
sys.path.insert(0, os.path.join(HERE, "..", "bench", "rows"))
sys.dont_write_bytecode = True
import fields  # noqa: E402
import terminal  # noqa: E402
COMMANDS = [name for _, (name, *_) in fields.read(os.path.join(HERE, "..", "cli", "commands.def"))]


def run(*args, locale="C.UTF-8", **env):
    full = dict(os.environ, LC_ALL=locale, **env)
    full.pop("NO_COLOR", None)
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=full, timeout=600)
    return done.returncode, done.stdout, done.stderr


def run_on_terminal(*args, **env):
    """What the program writes when its output is a terminal."""
    parent, child = pty.openpty()
    full = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    full.update(LC_ALL="C.UTF-8", TERM="xterm-256color", **env)
    process = subprocess.Popen([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=child,
                               stderr=subprocess.DEVNULL, env=full)
    os.close(child)
    out = terminal.read_all(parent)
    process.wait(timeout=600)
    return out


# A source tree with the model and a program that does not find it is a failure, not a reason to
# skip.
IN_TREE = os.path.exists(os.path.join(HERE, "..", "models", "potion", "model.safetensors"))
HAS_MODEL = IN_TREE or run("next", "the")[0] == 0
needs_model = unittest.skipUnless(HAS_MODEL, "no default model here")


class Usage(unittest.TestCase):
    def test_version(self):
        for flag in ("--version", "-V"):
            code, out, err = run(flag)
            self.assertEqual((code, err), (0, b""))
            self.assertRegex(out, rb"^decoct \d+\.\d+\.\d+ \(libdecoct \d+\.\d+\.\d+\)\n$")

    def test_help_of_each_command(self):
        for name in COMMANDS:
            if name == "bench":
                continue  # Google Benchmark's own
            with self.subTest(name):
                code, out, err = run(name, "--help")
                if code == 77 and name in ("report", "export"):
                    self.skipTest("not in this build")
                self.assertEqual((code, err), (0, b""))
                self.assertIn(b"Usage: decoct " + name.encode(), out)
                self.assertIn(b"Example", out)
                self.assertIn(b"Exit code", out)
                self.assertEqual(run("help", name)[1], out)

    def test_numbers_are_strict(self):
        for option in ("--top=0", "--top=3x", "--top= 3", "--top=", "--top=1.5", "--top=-1",
                       "--top=99999999999999999999", "--threads=0", "--threads=two"):
            self.check_usage("next", option, "x")
        for option in ("--temperature=nan", "--temperature=inf", "--temperature=-1",
                       "--temperature=1,5", "--temperature=", "--top-p=1.5", "--top-k=-1",
                       "--seed=-1", "--seed=x", "--seed=18446744073709551616", "-n0", "-n2.5"):
            self.check_usage("generate", option, "x")
        for option in ("--layer=0", "--head=1", "--layer=1.0", "-omap.png", "-o.html"):
            self.check_usage("attend", option, "x")

    def check_usage(self, *args):
        with self.subTest(args):
            code, out, err = run(*args)
            self.assertEqual((code, out), (64, b""))
            self.assertTrue(err.startswith(b"decoct " + args[0].encode() + b": "), err)
            self.assertNotIn(b"cannot be opened", err)

    def test_empty_prompts(self):
        for command in ("next", "generate", "attend"):
            for prompt in ([], [""], ["  "], ["____"], ["", " _"]):
                self.check_usage(command, *prompt)

    def test_unknown_option(self):
        self.check_usage("next", "--flavour", "x")
        self.check_usage("hash", "stray")
        self.check_usage("info", "stray")

    def test_backend_that_is_not_there(self):
        code, out, err = run("next", "--backend", "abacus", "x")
        self.assertIn(code, (64, 70))
        self.assertEqual(out, b"")
        self.assertIn(b"abacus", err)

    def test_model_that_is_not_there(self):
        code, out, err = run("next", "--model", "/nowhere/at-all", "x")
        self.assertEqual((code, out), (64, b""))
        self.assertIn(b"/nowhere/at-all", err)

    def test_full_disk(self):
        for args in (["--help"], ["--version"], ["info"], ["hash", "--op", "add"]):
            with self.subTest(args), open("/dev/full", "wb") as full:
                done = subprocess.run([DECOCT, *args], stdout=full, stderr=subprocess.PIPE,
                                      timeout=600)
                self.assertEqual(done.returncode, 70)
                self.assertIn(b"cannot write", done.stderr)


class Info(unittest.TestCase):
    def test_table(self):
        code, out, err = run("info")
        self.assertEqual((code, err), (0, b""))
        for word in (b"scalar", b"matmul", b"Backends", b"Threads", b"Default model"):
            self.assertIn(word, out)

    def test_forced_backend_is_the_one_chosen(self):
        code, out, _ = run("info", "--backend", "scalar", "--threads", "1")
        self.assertEqual(code, 0)
        self.assertRegex(out, rb"matmul +scalar")

    def test_json(self):
        code, out, err = run("info", "--json")
        self.assertEqual((code, err), (0, b""))
        self.assertIsInstance(json.loads(out), dict)
        self.assertEqual(json.loads(out)["arithmetic"], 2)
        self.assertRegex(run("info")[1], rb"\nArithmetic +version 2\n")

    def test_ascii_locale(self):
        self.assertTrue(run("info", locale="C")[1].isascii())

    @unittest.skipUnless(min(os.sched_getaffinity(0)) < 8, "the described machine has CPUs 0 to 7")
    def test_info_shows_kinds_of_cores(self):
        phone = os.path.join(HERE, "fixtures", "topology", "sysfs-phone.xml")
        code, out, _ = run("info", HWLOC_XMLFILE=phone, HWLOC_THISSYSTEM="0")
        self.assertEqual(code, 0)
        kinds = re.search(r"^Core kinds +(.*)$", out.decode(), re.M).group(1).split(", ")
        self.assertEqual(len(kinds), 3)
        for kind, count, capacity in zip(kinds, (4, 3, 1), (250, 760, 1024)):
            self.assertRegex(kind, r"^%d x .* \(capacity %d\)$" % (count, capacity))
        self.assertNotIn(b"Core kinds", run("info", HWLOC_SYNTHETIC="core:8 pu:1")[1])
        for equal in ("sysfs-boost-clocks.xml", "sysfs-equal-cores.xml"):
            described = os.path.join(HERE, "fixtures", "topology", equal)
            code, out, _ = run("info", HWLOC_XMLFILE=described, HWLOC_THISSYSTEM="0")
            self.assertEqual(code, 0)
            self.assertRegex(out, rb"Cores +8 in 1 package")
            self.assertNotIn(b"Core kinds", out)

    def test_a_file_that_crashes_hwloc(self):
        broken = os.path.join(HERE, "fixtures", "topology", "crashes-hwloc.xml")
        code, out, err = run("info", HWLOC_XMLFILE=broken)
        self.assertEqual(code, 0)
        if err:  # hwloc 2.9
            self.assertRegex(err, rb"^decoct info: hwloc (crashed|failed) .*HWLOC_XMLFILE.*\n$")
            self.assertRegex(out, rb"Cores +topology unknown: .*HWLOC_XMLFILE")

    def test_topologies_that_are_no_files(self):
        with tempfile.TemporaryDirectory() as folder:
            pipe = os.path.join(folder, "pipe")
            os.mkfifo(pipe)
            for name in (pipe, folder, "/dev/zero", "/nowhere", "-"):
                code, out, err = run("info", HWLOC_XMLFILE=name)
                self.assertEqual(code, 0)
                self.assertIn(b"HWLOC_XMLFILE does not name a regular file", err)
                self.assertRegex(out, rb"Cores +topology unknown: .*HWLOC_XMLFILE")

    def test_no_sysfs(self):
        with tempfile.TemporaryDirectory() as root:
            code, out, err = run("info", HWLOC_FSROOT=root)
            self.assertEqual((code, err), (0, b""))
            self.assertRegex(out, rb"Cores +topology unknown: the system does not show /sys")
            machine = json.loads(run("info", "--json", HWLOC_FSROOT=root)[1])
            self.assertIsNone(machine["topology"])
            self.assertRegex(machine["topology_error"], "does not show /sys")
            code, out, err = run("info", "--pin", "core", HWLOC_FSROOT=root)
            self.assertEqual((code, out), (70, b""))
            self.assertRegex(err, rb"pin 'core': .* /sys.*; a list of CPUs")


@needs_model
class Next(unittest.TestCase):
    def answer(self, *args):
        code, out, _ = run("next", "--json", *args)
        self.assertEqual(code, 0)
        return json.loads(out)

    def test_json(self):
        answer = self.answer("--top", "12", SARAH + " ____ ")
        self.assertEqual(list(answer), ["prompt", "backend", "next", "notes"])
        self.assertEqual(answer["prompt"], SARAH)
        p = [entry["p"] for entry in answer["next"]]
        self.assertEqual(len(p), 12)
        self.assertEqual(p, sorted(p, reverse=True))
        self.assertTrue(0 < sum(p) <= 1.00001)
        self.assertEqual(len({entry["id"] for entry in answer["next"]}), 12)

    def test_all_tokens_sum_to_one(self):
        answer = self.answer("--top", "1000000", SARAH)
        self.assertAlmostEqual(sum(entry["p"] for entry in answer["next"]), 1, places=4)
        pieces = [entry for entry in answer["next"] if "bytes" in entry]
        for entry in pieces:  # parts of a character
            self.assertEqual(bytes(entry["bytes"]).decode("utf-8", "replace"), entry["text"])
            self.assertIn("\ufffd", entry["text"])
        self.assertGreater(len(pieces), 100)  # the lone bytes above ASCII

    def test_same_answer_everywhere(self):
        wanted = self.answer(SARAH)["next"]
        for args in (["--threads", "1"], ["--threads", "3"], ["--backend", "scalar"],
                     ["--pin", "compact"]):
            with self.subTest(args):
                self.assertEqual(self.answer(*args, SARAH)["next"], wanted)

    def test_words_may_come_without_quotes(self):
        self.assertEqual(self.answer(*SARAH.split(" ")), self.answer(SARAH))

    def test_bars(self):
        _, out, _ = run("next", SARAH)
        self.assertIn("\u2588".encode(), out)
        self.assertNotIn(b"\033", out)
        _, plain, _ = run("next", SARAH, locale="C")
        self.assertTrue(plain.isascii())
        self.assertIn(b"###", plain)

    def test_colours_only_on_a_terminal(self):
        self.assertIn(b"\033[", run_on_terminal("next", SARAH))
        self.assertNotIn(b"\033[", run_on_terminal("next", SARAH, NO_COLOR="1"))

    def test_prompt_cannot_steer_the_terminal(self):
        for command in ("next", "attend", "generate"):
            code, out, err = run(command, "Sarah \033[2J\u202e\u009b31m lies")
            self.assertEqual(code, 0)
            for bad in (b"\033", "\u202e".encode(), "\u009b".encode()):
                self.assertNotIn(bad, out + err)

    def test_prompt_that_is_not_utf8(self):
        code, out, _ = run("next", "--json", b"Sarah \xff\xc3 lies")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["prompt"], "Sarah \ufffd\ufffd lies")

    def test_prompt_that_is_too_long(self):
        code, out, err = run("next", "bed " * 5000)
        self.assertEqual((code, out), (64, b""))
        self.assertRegex(err, rb"the prompt has \d+ tokens")

    def test_note_on_unseen_words(self):
        _, out, _ = run("info")
        folder = re.search(rb"Default model +(\S.*)\n", out).group(1)
        if not os.path.exists(os.path.join(folder, b"words.txt")):
            self.skipTest("the model has no list of words")
        _, _, err = run("next", "Sarah's xyzzy, Xyzzy and a 'quark' on the bed")
        self.assertEqual(err, b"note: never seen: xyzzy, quark\n")
        self.assertEqual(run("next", SARAH)[2], b"")


@needs_model
class Generate(unittest.TestCase):
    def text(self, *args):
        code, out, _ = run("generate", *args)
        self.assertEqual(code, 0)
        return out.decode("utf-8", "strict")

    def test_seed(self):
        one = self.text(SARAH, "-n", "30", "--seed", "7")
        self.assertTrue(one.startswith(SARAH))
        for args in ([], ["--threads", "1"], ["--backend", "scalar"]):
            self.assertEqual(self.text(SARAH, "-n", "30", "--seed", "7", *args), one)
        others = {self.text(SARAH, "-n", "30", "--temperature", "2", "--seed", str(s))
                  for s in range(5)}
        self.assertGreater(len(others), 1)

    def test_temperature_zero_takes_the_most_probable(self):
        prompt = SARAH
        for _ in range(3):
            first = json.loads(run("next", "--json", "--top", "1", prompt)[1])["next"][0]["text"]
            wanted = prompt + first.replace("<|endoftext|>", "")
            self.assertEqual(self.text(prompt, "-n", "1", "-t", "0"), wanted + "\n")
            prompt = wanted.rstrip()

    def test_the_end_of_a_text_is_the_end(self):
        out = self.text(SARAH, "-n", "100", "-t", "0")
        self.assertNotIn("endoftext", out)
        self.assertEqual(out.count("\n"), 1)

    def test_characters_of_several_bytes_stay_whole(self):
        prompt = "Sarah \u00e9 \u6f22\u5b57 \U0001f9ea lies"
        self.assertTrue(self.text(prompt, "-n", "1").startswith(prompt))

    def test_wild_text_is_still_utf8(self):
        for seed in range(4):
            self.text(SARAH, "-n", "25", "-t", "100", "--top-k", "0", "--seed", str(seed))

    def test_stops_when_the_context_is_full(self):
        code, out, err = run("generate", SARAH, "-n", "100000", "-t", "0")
        self.assertEqual(code, 0)
        self.assertLess(len(out), 100000)


def page_data(path):
    with open(path, encoding="utf-8") as file:
        page = file.read()
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert len(found) == 1 and "<" not in found[0]
    return page, json.loads(found[0])


def weights_of(data):
    """{(layer, head): rows} from the packed triangles."""
    raw = base64.b64decode(data["weights"], validate=True)
    values = [(raw[i] | raw[i + 1] << 8) / 65535 for i in range(0, len(raw), 2)]
    count = len(data["words"])
    at, heads = 0, {}
    for layer in range(data["layers"]):
        for head in range(data["heads"]):
            heads[layer, head] = rows = []
            for i in range(count):
                rows.append(values[at:at + i + 1])
                at += i + 1
    assert at == len(values)
    return heads


@needs_model
class Attend(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def picture(self, suffix, *args):
        path = os.path.join(self.folder, "map" + suffix)
        code, _, err = run("attend", *args, "-o", path)
        self.assertEqual(code, 0, err)
        return path

    def test_terminal(self):
        code, out, err = run("attend", SARAH, COLUMNS="100")
        self.assertEqual((code, err), (0, b""))
        text = out.decode()
        self.assertRegex(text, r"  1  Sarah +\u2588")
        self.assertIn('The last word, "feeling", drew from', text)
        self.assertTrue(run("attend", SARAH, locale="C")[1].isascii())
        narrow = run("attend", SARAH, COLUMNS="30")[1].decode()
        self.assertIn("Sarah    \u2190 Sarah 100 %", narrow)

    def test_choice(self):
        whole = run("attend", SARAH)[1]
        layer = run("attend", SARAH, "--layer", "1")[1]
        head = run("attend", SARAH, "--layer", "1", "--head", "2")[1]
        self.assertIn(b"layer 1, head 2", head)
        self.assertEqual(len({whole, layer, head}), 3)
        self.assertEqual(run("attend", SARAH, "--layer", "900")[0], 64)
        self.assertEqual(run("attend", SARAH, "--layer", "1", "--head", "900")[0], 64)

    def test_rows_of_the_page_sum_to_one(self):
        _, data = page_data(self.picture(".html", SARAH))
        self.assertEqual(data["words"], "Sarah lies still on the bed , feeling".split(" "))
        _, pieces = page_data(self.picture(".html", "Sarah xyzzyquux feels antidisestablished"))
        self.assertEqual(pieces["words"], ["Sarah", "xyzzyquux", "feels", "antidisestablished"])
        for page in (data, pieces):
            for rows in weights_of(page).values():
                for row in rows:
                    self.assertAlmostEqual(sum(row), 1, delta=len(row) / 65535)

    def test_page_and_terminal_agree(self):
        _, data = page_data(self.picture(".html", SARAH))
        heads = list(weights_of(data).values())
        bed = sum(rows[7][5] for rows in heads) / len(heads) * 100
        shown = re.search(r"^  bed +([\d.]+) %", run("attend", SARAH, "--layer", "all")[1].decode(), re.M)
        if shown:  # it is among the first
            self.assertAlmostEqual(float(shown.group(1)), bed, delta=0.06)

    def test_opens_with_the_head_that_the_answer_depends_on(self):
        """The cut of each head is checked by `decoct story`, whose figures numpy checks."""
        def story():
            code, out, err = run("story", SARAH, "-o", "-")
            self.assertEqual(code, 0, err)
            return json.loads(re.search(rb'id="data">(.*?)</script>', out, re.S).group(1))
        opens = story()["opens"]
        _, data = page_data(self.picture(".html", SARAH))
        heads, wanted = data["head_effects"], {"layer": opens["layer"], "head": opens["head"]}
        self.assertEqual({key: data[key] for key in wanted}, wanted)
        self.assertTrue(heads["found"])
        self.assertEqual(heads["effects"].index(max(heads["effects"])), opens["layer"] * data["heads"] + opens["head"])
        name = "layer %d, head %d, on which the answer depends most" % (opens["layer"] + 1, opens["head"] + 1)
        self.assertIn(name, run("attend", SARAH)[1].decode().split("\n")[0])
        with open(self.picture(".svg", SARAH), encoding="utf-8") as file:
            self.assertIn("Shown: %s." % name, file.read())
        for args, layer, head in ((("--layer", "all"), -1, -1), (("--layer", "3"), 2, -1), (("-l", "3", "-H", "1"), 2, 0)):
            _, data = page_data(self.picture(".html", SARAH, *args))
            self.assertEqual((data["layer"], data["head"], data["head_effects"]["found"]), (layer, head, False))
            self.assertNotIn(b"depends most", run("attend", SARAH, *args)[1])
        self.assertEqual(run("attend", SARAH, "--layer", "all", "--head", "2")[0], 64)

    def test_effects_of_heads_follow_the_cuts(self):
        """A last word that sees nothing but itself changes nothing in any head."""
        cuts = [part for number in range(1, 8) for part in ("--cut", "8:%d" % number)]
        _, data = page_data(self.picture(".html", SARAH, *cuts))
        self.assertEqual(set(data["head_effects"]["effects"]), {0})
        self.assertEqual((data["layer"], data["head"]), (-1, -1))

    def test_cut_hides_the_word_in_every_head(self):
        _, data = page_data(self.picture(".html", SARAH, "--cut", "feeling:bed"))
        self.assertEqual(data["cuts"], [[7, 5]])
        for rows in weights_of(data).values():
            self.assertEqual(rows[7][5], 0)
            self.assertAlmostEqual(sum(rows[7]), 1, delta=1e-3)
        uncut = json.loads(run("next", "--json", SARAH)[1])["next"][0]
        first = data["answer"][0]
        self.assertEqual(first["text"], uncut["text"].strip())
        self.assertAlmostEqual(first["before"], uncut["p"], places=4)
        self.assertNotAlmostEqual(first["p"], first["before"], places=6)

    def test_cut_from_all(self):
        _, data = page_data(self.picture(".html", SARAH, "--cut", "*:bed"))
        self.assertEqual(data["cuts"], [[6, 5], [7, 5]])
        _, by_number = page_data(self.picture(".html", SARAH, "--cut", "7:6", "--cut", "8:6"))
        self.assertEqual(by_number, data)

    def test_cut_in_the_terminal(self):
        code, out, _ = run("attend", SARAH, "--cut", "feeling:bed")
        self.assertEqual(code, 0)
        self.assertIn(b'"feeling" no longer sees "bed"', out)
        self.assertIn(b"before     after  change", out)

    def test_repeated_words_have_their_number(self):
        code, out, _ = run("attend", "the bed and the cat", "--layer", "all", "--cut", "5:4")
        self.assertEqual(code, 0)
        self.assertIn(b'"cat" no longer sees "the (4)"', out)
        for name in (b"the (1)", b"bed  ", b"and  "):
            self.assertIn(b"\n  " + name, out)

    def test_cuts_that_make_no_sense(self):
        for cut, words in (("bed:feeling", b"nothing to cut"), ("feeling", b"takes FROM:TO"),
                           ("zebra:bed", b"neither a word"), ("feeling:0", b"neither a word"),
                           ("feeling:9", b"neither a word"), (":", b"takes FROM:TO"),
                           ("*:feeling", b"no word comes after")):
            with self.subTest(cut):
                code, out, err = run("attend", SARAH, "--cut", cut)
                self.assertEqual((code, out), (64, b""))
                self.assertIn(words, err)
        code, _, err = run("attend", "the bed and the cat", "--cut", "cat:the")
        self.assertEqual(code, 64)
        self.assertIn(b"2 times", err)

    def test_hostile_prompt(self):
        hostile = "Sarah </script><script>alert(1)</script> & \"lies\" <!-- ]]> \x07 'x'"
        page, data = page_data(self.picture(".html", hostile))
        self.assertNotIn("alert(1)", re.sub(r'id="data">.*?</script>', "", page, flags=re.S))
        self.assertEqual(page.count("</script>"), 2)
        self.assertIn("</script>", "".join(data["words"]).replace(" ", ""))
        tree = xml.etree.ElementTree.parse(self.picture(".svg", hostile)).getroot()
        tags = {element.tag.rsplit("}", 1)[1] for element in tree.iter()}
        self.assertLessEqual(tags, {"svg", "style", "title", "rect", "text"})
        self.assertIn("alert", "".join(tree.itertext()))

    def test_page_asks_the_network_for_nothing(self):
        page, _ = page_data(self.picture(".html", SARAH))
        page = page.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
        self.assertNotRegex(page, r"https?:|//\w+\.\w|\bsrc=|<link|@import|url\((?!#)")
        self.assertIn("default-src 'none'", page)

    def test_file_that_cannot_be_written(self):
        for path in ("/nowhere/map.html", "/nowhere/map.svg"):
            code, _, err = run("attend", SARAH, "-o", path)
            self.assertEqual(code, 70)
            self.assertIn(path.encode(), err)
        for suffix in (".html", ".svg"):
            path = os.path.join(self.folder, "full" + suffix)
            os.symlink("/dev/full", path)
            self.assertEqual(run("attend", SARAH, "-o", path)[0], 70)

    def test_too_many_words_for_a_picture(self):
        code, out, err = run("attend", SARAH, "-o", "/dev/stdout")
        self.assertEqual((code, out[:15]), (0, b"<!doctype html>"), err)
        code, _, err = run("attend", "a " * 40 + "bed", "-o", os.path.join(self.folder, "a.svg"))
        if code != 64:
            self.assertEqual(code, 0, err)


class Hash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.code, cls.all, _ = run("hash")  # once: an emulator needs 12 seconds for it

    def test_same_bits_everywhere(self):
        self.assertEqual(self.code, 0)
        lines = self.all.decode().splitlines()
        self.assertGreater(len(lines), 40)
        for line in lines:
            self.assertRegex(line, r"^[a-z_]+ [a-z_]+:\d+(/[a-z_]+:\d+)*(/dtype:[a-z]+\d+)? [0-9a-f]{16}$")
        self.assertEqual(len(set(line.rsplit(" ", 1)[0] for line in lines)), len(lines))
        for args in (["--threads", "1"], ["--threads", "3"], ["--backend", "scalar"]):
            with self.subTest(args):
                self.assertEqual(run("hash", *args)[1], self.all)

    def test_packed_and_pieces_change_nothing(self):
        groups = {}
        for line in self.all.decode().splitlines():
            op, name, value = line.split()
            name = re.sub(r"/piece:\d+", "", name)
            if name != "rows:1/cols:1":  # of one number many operations make the same
                groups.setdefault((op.replace("matmul_packed", "matmul"), name), set()).add(value)
        for key, values in groups.items():
            self.assertEqual(len(values), 1, key)
        self.assertEqual(len(set.union(*groups.values())), len(groups))  # no two alike by accident

    def test_golden(self):
        golden = os.path.join(HERE, "golden", "hashes.txt")
        code, out, _ = run("hash", "--check", golden)
        self.assertEqual(code, 0, out.decode())
        with open(golden, encoding="ascii") as file:
            text = file.read()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "wrong.txt")
            with open(path, "w", encoding="ascii") as file:
                file.write(re.sub(r"^(softmax \S+ )....", r"\1zzzz", text, count=1, flags=re.M))
            code, out, _ = run("hash", "--check", path)
            self.assertEqual(code, 12)
            self.assertEqual(len(out.splitlines()), 1)
            self.assertTrue(out.startswith(b"softmax "))
        code, out, _ = run("hash", "--op", "add", "--check", "golden")  # the file that comes with it
        self.assertEqual(code, 0)
        self.assertIn(b"hashes.txt", out)

    @needs_model
    def test_golden_answers(self):
        with open(os.path.join(HERE, "golden", "potion.json"), encoding="utf-8") as file:
            golden = json.load(file)
        for answer in golden:
            out = run("next", "--json", "--top", "20", answer["prompt"])[1]
            self.assertEqual(json.loads(out)["next"], answer["next"])
        self.assertNotEqual(golden[0]["next"], golden[1]["next"])

    def test_one_shape(self):
        """The inputs and the hash of examples/languages, of which every language has a program."""
        shape = ("hash", "--op", "attention", "--heads", "4", "--kv-heads", "2", "--seq", "33", "--head-dim", "16")
        line = b"attention heads:4/kv_heads:2/seq:33/head_dim:16/seed:7 0203d34cddec0288\n"
        code, out, err = run(*shape, "--seed", "7")
        self.assertEqual((code, out), (0, line), err)
        self.assertEqual(run(*shape, "--seed", "7", "--backend", "scalar", "--threads", "1")[1], line)
        self.assertNotEqual(run(*shape, "--seed", "8")[1].split()[-1], line.split()[-1])
        self.assertEqual(json.loads(run(*shape, "--seed", "7", "--json")[1])["hashes"][0]["hash"], "0203d34cddec0288")
        one = run("hash", "--op", "attention", "--heads", "1", "--seq", "1", "--head-dim", "1")[1]
        self.assertTrue(one.startswith(b"attention heads:1/kv_heads:1/seq:1/head_dim:1/seed:1 "))
        for wrong, why in ((shape[:1] + shape[3:], b"--op attention"), (shape + ("--seed", "0"), b"--seed"),
                           (shape + ("--kv-heads", "3"), b"does not divide"),
                           (shape + ("--seq", "65536", "--heads", "65536"), b"more than")):
            code, out, err = run(*wrong)
            self.assertEqual((code, out), (64, b""), err)
            self.assertIn(why, err)

    def test_only(self):
        code, out, _ = run("hash", "--op", "matmul_packed")
        self.assertEqual(code, 0)
        self.assertEqual({line.split()[0] for line in out.splitlines()}, {b"matmul_packed"})
        self.assertEqual(run("hash", "--op", "brew")[0], 14)
        self.assertEqual(run("hash", "--check", "/nowhere/at-all")[0], 64)

    def test_every_operation_on_rows_is_hashed(self):
        with open(os.path.join(HERE, "..", "include", "decoct", "ops.def"), encoding="ascii") as file:
            text = file.read()
        lines = self.all.decode().split("\n")
        for name, forms in re.findall(r"^DECOCT_OP\(\w+, (\w+), .*?(\d+), \d+\)$", text, re.M):
            words = re.findall(r"^DECOCT_FORM\(%s, \d+, (\w+)\)$" % name.upper(), text, re.M) or [None]
            self.assertEqual(len(words), int(forms))
            for word in words:
                self.assertGreater(len([l for l in lines if l.startswith((word and name + "_" + word or name) + " rows:")]), 1)

    def test_every_type_of_weights_is_hashed(self):
        with open(os.path.join(HERE, "..", "include", "decoct", "dtypes.def"), encoding="ascii") as file:
            names = re.findall(r"^DECOCT_DTYPE\(\w+, (\w+),", file.read(), re.M)
        lines = run("hash", "--op", "matmul_packed")[1].decode().split("\n")
        for name in names:
            of_type = [l for l in lines if "/dtype:%s " % name in l]
            self.assertEqual(len(of_type), 0 if name == "f32" else (len(lines) - 1) // len(names), name)


if __name__ == "__main__":
    unittest.main()

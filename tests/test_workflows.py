# SPDX-License-Identifier: BSD-2-Clause
# ci/examples/: test_workflows.py BUILD. Runs each shell step of the workflow files word for word in a scratch
# repository with a budget of 60 s; steps that only the service can do are replaced, and listed. What the gate
# finds depends on the machine: tested is that its files are there and that all codes agree. Exit code 77 if
# PyYAML, git or what ci/perf-gate installs is missing.
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from ab_kit import BUILD, DECOCT, environment, main

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
REPORTS = ["junit.xml", "report.html", "summary.md", "verdict.json"]
CODES = {0: "pass", 10: "fail", 12: "fail", 13: "warning", 64: "fail", 70: "fail", 77: "warning"}


def command(*words, cwd=TOP, **more):
    return subprocess.run(words, cwd=cwd, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          **more).stdout.strip()


def missing():
    """What is missing for these tests, or ''."""
    for name in ("git", "meson", "dpkg-query"):
        if not shutil.which(name):
            return name
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=TOP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                      check=False).returncode:
        return "a git checkout"
    names = command("bash", "-c", '. ci/packages; missing_packages "${build_packages[@]}"').split()
    return " ".join(name for name in names if not shutil.which({"nodejs": "node"}.get(name, name)))


def workflow(name):
    with open(os.path.join(TOP, "ci", "examples", name), encoding="utf-8") as file:
        text = file.read()
    return text, yaml.safe_load(text)


class Workflows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A repository with the files of this one: a topic branch from main, on which work has continued."""
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.home = os.path.join(cls.folder, "home")
        cls.origin = os.path.join(cls.folder, "origin")
        cls.kept = os.path.join(cls.folder, "kept")  # builds of revisions: what the services' caches keep
        for name in command("git", "ls-files", "-z", "-co", "--exclude-standard").split("\0"):
            if os.path.isfile(os.path.join(TOP, name)):
                os.makedirs(os.path.dirname(os.path.join(cls.origin, name)), exist_ok=True)
                shutil.copy(os.path.join(TOP, name), os.path.join(cls.origin, name))
        os.mkdir(cls.home)
        cls.git("init", "-q", "-b", "main")
        cls.base = cls.commit("base")
        cls.git("checkout", "-q", "-b", "topic")
        with open(os.path.join(cls.origin, "lib", "machine", "status.c"), "a", encoding="utf-8") as file:
            file.write("// another tree, the same code\n")
        cls.head = cls.commit("head")
        cls.git("checkout", "-q", "main")
        with open(os.path.join(cls.origin, "README.md"), "a", encoding="utf-8") as file:
            file.write("later\n")
        cls.commit("later than the branch")

    @classmethod
    def environment(cls, **more):
        clean = {k: v for k, v in environment().items() if not k.startswith(("GIT_", "CI", "CANDIDATE_")) and k != "BUILD_OPTIONS"}
        return {**clean, "HOME": cls.home, "GIT_CONFIG_NOSYSTEM": "1", "DECOCT": DECOCT, **more}

    @classmethod
    def git(cls, *args, cwd=None):
        return command("git", "-c", "user.name=T", "-c", "user.email=t@example.org", *args, cwd=cwd or cls.origin,
                       env=cls.environment())

    @classmethod
    def commit(cls, subject):
        cls.git("add", "-A")
        cls.git("commit", "-q", "-m", subject)
        return cls.git("rev-parse", "HEAD")

    def check_out(self, name):
        """A clone at the head of the topic; the program that compares was built already."""
        work = os.path.join(self.folder, name)
        self.git("clone", "-q", self.origin, work)
        self.git("checkout", "-q", "--detach", self.head, cwd=work)
        os.mkdir(os.path.join(work, "build"))
        os.symlink(os.path.join(BUILD, "cli"), os.path.join(work, "build", "cli"))
        return work

    def shell(self, work, text, **more):
        run = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text], cwd=work, stdin=subprocess.DEVNULL,
                             env=self.environment(**more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=1800, check=False)
        return run.returncode, run.stdout

    def restore(self, work, path):
        if os.path.isdir(self.kept):
            shutil.copytree(self.kept, os.path.join(work, path), symlinks=True)

    def save(self, work, path):
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(os.path.join(work, path), self.kept, symlinks=True)

    def fake_program(self):
        path = os.path.join(self.folder, "fake-decoct")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexit $GATE_CODE\n")
        os.chmod(path, 0o755)
        return path

    def options(self, variables):
        """The options of the file, with a budget of a minute and fewer cases."""
        own, count = re.subn(r"--budget \S+", "--budget 60s", variables["DECOCT_GATE_OPTIONS"])
        self.assertEqual(count, 1)
        return own + " --quick --filter ^softmax/"

    def check_results(self, work, out):
        """The exit code of the gate, which all of its files agree about."""
        place = os.path.join(work, "gate")
        self.assertTrue(os.path.isdir(place), out)
        self.assertEqual(sorted(os.listdir(place)), REPORTS, out)
        with open(os.path.join(place, "verdict.json"), encoding="utf-8") as file:
            found = json.load(file)
        with open(os.path.join(place, "summary.md"), encoding="utf-8") as file:
            summary = file.read()
        self.assertIn(summary, out)
        self.assertRegex(summary, r"(?s)%.7s\w* base.*%.7s\w* head" % (self.base, self.head))
        builds = [name for name in os.listdir(os.path.join(work, "build", "perf"))]
        self.assertEqual(len(builds), 2, builds)
        self.assertIn(found["gate"]["exit_code"], (0, 10, 13), out)
        return found["gate"]["exit_code"]

    # ---- GitHub Actions ----

    def evaluate(self, text):
        known = {"github.base_ref": "main", "github.ref": "refs/pull/1/merge", "runner.arch": "X64",
                 "github.event.pull_request.head.sha": self.head}
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found.group(1)], str(text))

    def condition(self, step, failed, work):
        text = step.get("if", "success()")
        parts = text.split(" && ")
        known = {"always()": True, "success()": not failed}
        for part in parts:
            path = re.fullmatch(r"hashFiles\('(.*)'\) != ''", part)
            known[part] = os.path.exists(os.path.join(work, path.group(1))) if path else known[part]
        return all(known[part] for part in parts) and (not failed or "always()" in parts)

    def replaced_step(self, step, work):
        """Stands in for an action of the service: what it would do here."""
        name, settings = step["uses"].split("@")[0], {k: self.evaluate(v) for k, v in step["with"].items()}
        print("replaced: %s (%s)" % (step["uses"], step["name"]), flush=True)
        if name == "actions/checkout":
            self.assertEqual((settings["ref"], settings["fetch-depth"]), (self.head, "0"))
        elif name == "actions/cache":
            self.restore(work, settings["path"])
            return lambda: self.save(work, settings["path"])
        else:
            self.assertEqual(name, "actions/upload-artifact")
            self.assertTrue(os.path.isdir(os.path.join(work, settings["path"])))
        return None

    def test_github_actions(self):
        text, parsed = workflow("github-actions.yml")
        self.assertEqual(parsed["permissions"], {"contents": "read"})
        (job,) = parsed["jobs"].values()
        self.assertEqual(job["defaults"]["run"]["shell"], "bash")
        self.assertLess(job["timeout-minutes"], 60)
        self.assertEqual(len(re.findall(r"(?m)^ +uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text)), text.count("uses:"))
        work = self.check_out("github")
        summary = os.path.join(self.folder, "step-summary.md")
        variables = {**{k: self.evaluate(v) for k, v in job["env"].items()}, "GITHUB_ACTIONS": "true",
                     "GITHUB_WORKSPACE": work, "GITHUB_STEP_SUMMARY": summary}
        gate, failed, out, at_the_end = None, False, "", []
        for step in job["steps"]:
            if not self.condition(step, failed, work):
                self.fail("step '%s' did not run:\n%s" % (step["name"], out))
            if "uses" in step:
                at_the_end.append(self.replaced_step(step, work))
                continue
            self.assertNotIn("${{", step["run"], "an expression in a script is a way to inject commands")
            code, printed = self.shell(work, step["run"], **{**variables, "DECOCT_GATE_OPTIONS": self.options(job["env"])})
            print("step '%s' ended with %d" % (step["name"], code), flush=True)
            out, failed = out + printed, failed or code != 0
            gate = (step, code) if step["name"] == "Gate" else gate
        for action in filter(None, at_the_end):
            action()
        for step in job["steps"][job["steps"].index(gate[0]) + 1:]:
            self.assertTrue(self.condition(step, True, work), "not run after a regression: " + step["name"])
        verdict = self.check_results(work, out)
        self.assertEqual(gate[1], 0 if verdict == 13 else verdict, out)
        with open(summary, encoding="utf-8") as file:
            self.assertIn(file.read(), out)
        self.assertEqual(command("bash", "-c", "echo build/perf/*/twin/lib/libdecoct.so", cwd=work).count("libdecoct"), 2)
        for code, meaning in CODES.items():
            got, out = self.shell(work, gate[0]["run"], **variables, GATE_CODE=str(code), DECOCT=self.fake_program())
            self.assertEqual(got, code if meaning == "fail" else 0, out)
            self.assertEqual("::warning" in out, meaning == "warning", out)

    # ---- GitLab ----

    def test_gitlab(self):
        _, parsed = workflow("gitlab-ci.yml")
        job = parsed["performance"]
        self.assertEqual(job["variables"]["GIT_DEPTH"], "0")
        self.assertEqual(job["artifacts"]["when"], "always")
        work = self.check_out("gitlab")
        variables = {**job["variables"], "CI_COMMIT_SHA": self.head, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
        print("replaced: the clone, the cache of %s and the upload of %s" % (job["cache"]["paths"], job["artifacts"]["paths"]))
        for path in job["cache"]["paths"]:
            self.restore(work, path)
        script = "\n".join(job["script"])
        code, out = self.shell(work, script, **{**variables, "DECOCT_GATE_OPTIONS": self.options(job["variables"])})
        print("script ended with %d" % code, flush=True)
        after, printed = self.shell(work, "\n".join(job["after_script"]), **variables)
        self.assertEqual(after, 0, out + printed)
        self.assertEqual(self.check_results(work, out), code)
        for path in job["cache"]["paths"]:
            self.save(work, path)
        for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
            self.assertTrue(os.path.exists(os.path.join(work, path)), path)
        for code, meaning in CODES.items():
            self.assertEqual(code in job["allow_failure"]["exit_codes"], meaning == "warning")
        for code in (10, 13):
            got, out = self.shell(work, script, **variables, GATE_CODE=str(code), DECOCT=self.fake_program())
            self.assertEqual(got, code, out)


if __name__ == "__main__":
    try:
        import yaml
    except ImportError:
        print("skipped: PyYAML is missing (apt-get install python3-yaml)")
        sys.exit(77)
    if missing():
        print("skipped: missing: " + missing())
        sys.exit(77)
    if subprocess.run([DECOCT, "report", "--help"], stdout=subprocess.DEVNULL, check=False).returncode == 77:
        print("skipped: decoct report is not in this build")
        sys.exit(77)
    main()

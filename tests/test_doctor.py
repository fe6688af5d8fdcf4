# SPDX-License-Identifier: BSD-2-Clause
# `decoct doctor` on machines that are made here, each a folder that replaces "/":
# test_doctor.py PATH-OF-DECOCT.
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
CPU = "sys/devices/system/cpu/"
CLOCK = "sys/devices/system/clocksource/clocksource0/"
IDS = ["governor", "turbo", "smt", "steal", "quota", "throttled", "cpus", "load", "runnable",
       "clock_source", "heat", "memory", "huge_pages", "numa_balancing", "perf", "hypervisor",
       "mitigations", "irqbalance"]


def every_cpu(count, file, text):
    return {"%scpu%d/%s" % (CPU, i, file): text(i) if callable(text) else text for i in range(count)}


def machine(cpus, **other):
    """What every machine shows: a quiet one that does not report its clocks."""
    files = {CPU + "online": "0-%d\n" % (cpus - 1),
             "proc/cpuinfo": "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx2\n",
             "proc/self/status": "Name:\tcat\nCpus_allowed:\tff\nCpus_allowed_list:\t0-%d\n" % (cpus - 1),
             "proc/self/cgroup": "0::/\n",
             "proc/loadavg": "0.02 0.01 0.00 1/300 4711\n",
             "proc/stat": "cpu  1000 0 500 98000 0 0 0 0 0 0\ncpu0 1 1 1 1\nprocs_running 1\n",
             "proc/meminfo": "MemTotal: 1000000 kB\nMemAvailable:  900000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
             "proc/1/comm": "init\n",
             "proc/sys/kernel/numa_balancing": "0\n",
             "proc/sys/kernel/perf_event_paranoid": "2\n",
             "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
             CLOCK + "current_clocksource": "tsc\n",
             CLOCK + "available_clocksource": "tsc hpet acpi_pm\n"}
    files.update(other)
    return files


def laptop():
    files = machine(8, **{
        "proc/loadavg": "6.50 1.00 0.50 3/900 1234\n",
        "proc/stat": "cpu  1000 0 500 98000 0 0 0 0 0 0\nprocs_running 3\n",
        "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 400000 kB\nSwapTotal: 2000000 kB\nSwapFree: 1000000 kB\n",
        "proc/77/comm": "irqbalance\n",
        "proc/sys/kernel/perf_event_paranoid": "4\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]\n",
        CLOCK + "current_clocksource": "hpet\n",
        CPU + "intel_pstate/no_turbo": "0\n",
        CPU + "smt/active": "1\n",
        CPU + "smt/control": "on\n",
        CPU + "vulnerabilities/meltdown": "Mitigation: PTI\n",
        CPU + "vulnerabilities/mds": "Vulnerable\n"})
    files.update(every_cpu(8, "cpufreq/scaling_governor", "powersave\n"))
    files.update(every_cpu(8, "topology/thread_siblings_list", lambda i: "%d,%d\n" % (i % 4, i % 4 + 4)))
    files.update(every_cpu(8, "thermal_throttle/core_throttle_count", lambda i: "%d\n" % (i % 4 * 3)))
    return files


def server():
    files = machine(64, **{
        CPU + "intel_pstate/no_turbo": "1\n",
        CPU + "smt/active": "0\n",
        CPU + "smt/control": "off\n",
        CPU + "vulnerabilities/meltdown": "Not affected\n",
        "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
        "sys/fs/cgroup/cpu.stat": "usage_usec 5\nnr_periods 0\nnr_throttled 0\n"})
    files.update(every_cpu(64, "cpufreq/scaling_governor", "performance\n"))
    files.update(every_cpu(64, "thermal_throttle/core_throttle_count", "0\n"))
    return files


def virtual():
    return machine(4, **{
        "proc/cpuinfo": "flags\t\t: fpu hypervisor\n",
        "proc/stat": "cpu  1000 0 500 97500 0 0 0 1000 0 0\nprocs_running 1\n",
        "sys/class/dmi/id/sys_vendor": "QEMU\n",
        "sys/class/dmi/id/product_name": "Standard PC\n",
        CLOCK + "current_clocksource": "kvm-clock\n"})


STAT = "nr_periods 200\nnr_throttled 150\nthrottled_usec 7000000\n"


def container_v2(name="job.scope"):
    return machine(8, **{
        "proc/self/cgroup": "0::/user.slice/%s\n" % name,
        "proc/self/status": "Cpus_allowed_list:\t0-1,4\n",
        "sys/fs/cgroup/user.slice/%s/cpu.max" % name: "150000 100000\n",
        "sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
        "sys/fs/cgroup/user.slice/%s/cpu.stat" % name: "usage_usec 1\n" + STAT})


def container_v1():
    return machine(8, **{
        "proc/self/cgroup": "5:memory:/other\n4:cpu,cpuacct:/kube/pod1\n",
        "sys/fs/cgroup/cpu,cpuacct/kube/pod1/cpu.cfs_quota_us": "150000\n",
        "sys/fs/cgroup/cpu,cpuacct/kube/pod1/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/kube/pod1/cpu.stat": STAT,
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n"})


def board():
    files = machine(8, **{
        "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n",
        "proc/device-tree/compatible": "radxa,rock-5b\0rockchip,rk3588\0",
        CPU + "cpufreq/boost": "1\n",
        CLOCK + "current_clocksource": "arch_sys_counter\n"})
    files.update(every_cpu(8, "cpufreq/scaling_governor",
                           lambda i: "schedutil\n" if i >= 6 else "performance\n"))
    files.update(every_cpu(8, "topology/thread_siblings_list", lambda i: "%d\n" % i))
    return files


MACHINES = {"laptop": laptop(), "server": server(), "virtual": virtual(), "v2": container_v2(),
            "v1": container_v1(), "board": board(), "empty": {}}


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


class Root:
    """A folder with these files; gone afterwards."""
    def __init__(self, files):
        self.files = files

    def __enter__(self):
        self.folder = tempfile.mkdtemp()
        for name, text in self.files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write(path, text.encode("utf-8", "surrogateescape"))
        return self.folder

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def run(*args, **env):
    full = dict(os.environ, LC_ALL="C.UTF-8", **env)
    done = subprocess.run([DECOCT, "doctor", *args], stdin=subprocess.DEVNULL, env=full, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    return done.returncode, done.stdout, done.stderr


def examine(files):
    """{id: finding} and the verdict."""
    with Root(files) as root:
        code, out, err = run("--json", "--root", root)
    if code or err:
        raise AssertionError("exit code %d\n%s" % (code, err))
    found = json.loads(out)
    return {f["id"]: f for f in found["findings"]}, found["verdict"]


class Machines(unittest.TestCase):
    def check(self, files, severities, mends, verdict):
        found, said = examine(files)
        for name in IDS:
            with self.subTest(name):
                self.assertEqual(found[name]["severity"], severities.get(name, "ok"), found[name])
        for name, command in mends.items():
            with self.subTest(name):
                self.assertEqual(found[name]["mend"], command)
        self.assertEqual(said, verdict)
        return found

    def test_laptop(self):
        found = self.check(
            MACHINES["laptop"],
            {"governor": "bad", "turbo": "warning", "smt": "warning", "throttled": "note", "load": "bad",
             "runnable": "warning", "clock_source": "bad", "heat": "warning", "memory": "warning",
             "huge_pages": "warning", "perf": "note", "mitigations": "note", "irqbalance": "note"},
            {"governor": "echo performance | sudo tee /%scpu*/cpufreq/scaling_governor" % CPU,
             "turbo": "echo 1 | sudo tee /%sintel_pstate/no_turbo" % CPU,
             "smt": "echo off | sudo tee /%ssmt/control" % CPU,
             "clock_source": "echo tsc | sudo tee /%scurrent_clocksource" % CLOCK,
             "perf": "sudo sysctl kernel.perf_event_paranoid=2",
             "huge_pages": "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
             "irqbalance": "sudo systemctl stop irqbalance"},
            "9 findings disturb measurements here (3 bad); 1 of 18 could not be seen")
        self.assertIn("CPU 0, 1, 2, 3, 4, 5, 6, 7", found["governor"]["what"])
        self.assertIn("4 cores are shared, by CPUs 0,4 and 1,5 and 2,6 and 3,7", found["smt"]["what"])
        self.assertIn("9 times", found["heat"]["what"])
        self.assertIn("5 % of the memory is available, 977 MiB", found["memory"]["what"])
        self.assertIn("mitigates 1 flaws of the CPU, 1 are left open: meltdown",
                      found["mitigations"]["what"])

    def test_tuned_server(self):
        found = self.check(MACHINES["server"], {"mitigations": "note"}, {"governor": None},
                           "nothing seen here disturbs measurements")
        self.assertIn("not a virtual machine", found["hypervisor"]["what"])

    def test_server_that_balances(self):
        files = dict(MACHINES["server"], **{"proc/sys/kernel/numa_balancing": "1\n",
                                            "sys/devices/system/node/online": "0-1\n"})
        self.check(files, {"mitigations": "note", "numa_balancing": "warning"},
                   {"numa_balancing": "sudo sysctl kernel.numa_balancing=0"},
                   "1 finding disturbs measurements here (0 bad)")
        files["sys/devices/system/node/online"] = "0\n"
        self.assertEqual(examine(files)[0]["numa_balancing"]["severity"], "ok")

    def test_virtual_machine(self):
        found = self.check(
            MACHINES["virtual"],
            {"governor": "note", "turbo": "note", "smt": "note", "steal": "warning", "throttled": "note",
             "heat": "note", "hypervisor": "note", "mitigations": "note"}, {},
            "1 finding disturbs measurements here (0 bad); 6 of 18 could not be seen")
        self.assertIn("QEMU Standard PC", found["hypervisor"]["what"])
        self.assertIn("1.00 % since the start (not sampled", found["steal"]["what"])
        for name in ("steal", "governor", "turbo", "heat", "hypervisor"):
            self.assertRegex(found[name]["mend"], "^# nothing can be done inside a virtual machine")

    def test_containers(self):
        unseen = {name: "note" for name in ("governor", "turbo", "smt", "heat", "mitigations")}
        for name, cpus, file, none in (
                ("v2", "note", "/sys/fs/cgroup/user.slice/job.scope/cpu.max", "max"),
                ("v1", "ok", "/sys/fs/cgroup/cpu,cpuacct/kube/pod1/cpu.cfs_quota_us", "-1")):
            found = self.check(
                MACHINES[name], dict(unseen, quota="bad", throttled="warning", cpus=cpus),
                {"quota": "echo %s | sudo tee '%s' # in a container: on its host" % (none, file),
                 "throttled": "decoct bench --threads 1"},
                "2 findings disturb measurements here (1 bad); 5 of 18 could not be seen")
            self.assertIn("worth 1.5 CPUs", found["quota"]["what"])
            self.assertIn("in 150 of 200 periods", found["throttled"]["what"])
        found = examine(MACHINES["v2"])[0]["cpus"]
        self.assertIn("may use 3 of 8 CPUs", found["what"])
        self.assertRegex(found["mend"], r"^taskset -cp 0-7 \$\$")

    def test_quota_of_the_whole_machine_is_a_note(self):
        files = dict(MACHINES["v2"])
        files["sys/fs/cgroup/user.slice/job.scope/cpu.max"] = "300000 100000\n"
        self.assertEqual(examine(files)[0]["quota"]["severity"], "note")

    def test_board(self):
        found = self.check(
            MACHINES["board"],
            {"governor": "bad", "turbo": "warning", "heat": "note", "mitigations": "note",
             "throttled": "note"},
            {"turbo": "echo 0 | sudo tee /%scpufreq/boost" % CPU},
            "2 findings disturb measurements here (1 bad); 3 of 18 could not be seen")
        self.assertIn("performance, schedutil; not performance on CPU 6, 7", found["governor"]["what"])

    def check_turbo(self, files, what, mend):
        found = examine(files)[0]["turbo"]
        self.assertEqual(found["severity"], "ok" if mend is None else "warning")
        self.assertEqual((found["what"], found["mend"]), (what, mend))

    def test_turbo_of_each_cpu(self):
        every, policies = "/%scpu*/cpufreq/boost" % CPU, "/%scpufreq/policy*/boost" % CPU
        switch = CPU + "cpufreq/boost"
        uneven = every_cpu(4, "cpufreq/boost", lambda i: "%d\n" % (i > 0))
        some = "turbo is on for CPU 1, 2, 3; off for the others (1)"
        on, off = "echo 0 | sudo tee " + every, every_cpu(4, "cpufreq/boost", "0\n")
        self.check_turbo(uneven, some, on)
        self.check_turbo(dict(uneven, **{switch: "0\n"}), some, on)
        self.check_turbo(every_cpu(4, "cpufreq/boost", "1\n"), "turbo is on", on)
        self.check_turbo(off, "turbo is off", None)
        self.check_turbo(dict(off, **{switch: "1\n"}), "turbo is off", None)
        self.check_turbo(dict(every_cpu(4, "cpufreq/boost", "1\n"), **{CPU + "intel_pstate/no_turbo": "1\n"}),
                         "turbo is off", None)
        # an offline CPU does not count, and one without a file of its own follows the global switch
        self.check_turbo(dict(uneven, **{CPU + "online": "0\n"}), "turbo is off", None)
        self.check_turbo(dict(off, **{CPU + "cpu4/online": "1\n", switch: "1\n"}),
                         "turbo is on for CPU 4; off for the others (4)", "echo 0 | sudo tee /" + switch)
        self.check_turbo({**off, CPU + "cpu4/online": "1\n", CPU + "cpu3/cpufreq/boost": "1\n", switch: "1\n"},
                         "turbo is on for CPU 3, 4; off for the others (3)",
                         "echo 0 | sudo tee %s /%s" % (every, switch))
        policy = {CPU + "cpufreq/policy0/boost": "0\n", CPU + "cpufreq/policy0/affected_cpus": "0 1\n",
                  CPU + "cpufreq/policy2/boost": "1\n", CPU + "cpufreq/policy2/affected_cpus": "2 3\n"}
        self.check_turbo(policy, "turbo is on for CPU 2, 3; off for the others (2)", "echo 0 | sudo tee " + policies)
        self.check_turbo({CPU + "cpufreq/policy5/boost": "1\n"}, "turbo is on", "echo 0 | sudo tee " + policies)
        self.check_turbo({CPU + "intel_pstate/no_turbo": "0\n"}, "turbo is on",
                         "echo 1 | sudo tee /%sintel_pstate/no_turbo" % CPU)

    def test_governor_of_policies(self):
        files = {CPU + "cpufreq/policy%d/scaling_governor" % i: text
                 for i, text in ((0, "performance\n"), (4, "schedutil\n"))}
        files[CPU + "cpufreq/policy4/affected_cpus"] = "4 5 6 7\n"
        found = examine(files)[0]["governor"]
        self.assertIn("performance, schedutil; not performance on CPU 4, 5, 6, 7", found["what"])
        self.assertEqual(found["mend"],
                         "echo performance | sudo tee /%scpufreq/policy*/scaling_governor" % CPU)

    def test_cpus_are_counted_without_the_list(self):
        def told(files):
            files = dict(files, **{"proc/loadavg": "1.50 0 0 1/1 1\n"})
            files["proc/self/status"] = "Cpus_allowed_list:\t0-1\n"
            found = examine(files)[0]
            return found["load"]["what"], found["cpus"]["what"]
        stat = {"proc/stat": "cpu  1 0 5 9 0 0 0 0\ncpu0 1 1\ncpu2 1 1\ncpu11 1 1\nprocs_running 1\n"}
        folders = every_cpu(6, "topology/core_id", "0\n")
        for files, count in (({CPU + "online": "0-3,6\n"}, 5), (dict(folders, **stat), 6),
                             (dict(folders, **{CPU + "cpu5/online": "0\n"}), 5), (stat, 3),
                             ({"proc/cpuinfo": "processor\t: 0\nx : y\n\nprocessor : 1\nprocessors\n"}, 2),
                             (dict(folders, **{CPU + "online": "nonsense\n"}), 6)):
            load, cpus = told(files)
            self.assertEqual(load, "the load of the last minute is 1.50 on %d CPUs" % count)
            self.assertIn("all 2 CPUs" if count == 2 else "2 of %d CPUs" % count, cpus)
        self.assertEqual(told({})[0], "the load of the last minute is 1.50, and this process may use 2 CPUs")

    def test_empty(self):
        found, verdict = examine({})
        for name in IDS:
            self.assertEqual(found[name]["severity"], "note", name)
            self.assertRegex(found[name]["what"], "^unknown: ")
        self.assertEqual(verdict, "nothing seen here disturbs measurements; 18 of 18 could not be seen")

    def test_unreadable(self):
        for make in (lambda p: os.mkdir(p), lambda p: os.mkfifo(p), lambda p: write(p, b""),
                     lambda p: os.symlink("/nowhere", p), lambda p: os.symlink(p, p),
                     lambda p: write(p, bytes(range(256)) * 300)):
            with Root(MACHINES["laptop"]) as root:
                for folder, _, names in list(os.walk(root)):
                    for name in names:
                        path = os.path.join(folder, name)
                        os.remove(path)
                        make(path)
                code, out, err = run("--json", "--root", root)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual([f["id"] for f in json.loads(out)["findings"]], IDS)

    def test_numbers_that_are_none(self):
        for text in ("-1", "99999999999999999999", "x", "0-", "1-0", "nan", "-9223372036854775808", "\x1b[31m"):
            files = {name: re.sub(r"\d+", lambda _: text, old) for name, old in MACHINES["laptop"].items()}
            found, _ = examine(files)
            self.assertEqual(list(found), IDS)
            self.assertNotIn("\x1b", json.dumps(found).encode().decode("unicode_escape"))

    def test_slow_clock_without_another(self):
        files = dict(MACHINES["server"], **{CLOCK + "current_clocksource": "acpi_pm\n",
                                            CLOCK + "available_clocksource": "acpi_pm\n"})
        found = examine(files)[0]["clock_source"]
        self.assertEqual(found["severity"], "bad")
        self.assertRegex(found["mend"], "^# the kernel offers no faster clock")


class Output(unittest.TestCase):
    def test_schema(self):
        for name, files in MACHINES.items():
            with Root(files) as root, self.subTest(name):
                found = json.loads(run("--json", "--root", root)[1])
                self.assertEqual(set(found), {"findings", "verdict"})
                self.assertEqual([f["id"] for f in found["findings"]], IDS)
                for f in found["findings"]:
                    self.assertEqual(set(f), {"id", "severity", "what", "why", "mend"})
                    self.assertIn(f["severity"], ("bad", "warning", "note", "ok"))
                    self.assertTrue(f["what"] and f["why"])
                    self.assertTrue(f["mend"] is None or f["mend"])
                    if f["severity"] in ("bad", "warning"):
                        self.assertTrue(f["mend"], f)

    def test_every_mend_is_valid_shell(self):
        hostile = [container_v2(n) for n in ("a'b", "$(touch x)", "a`b", "\udcff", "a b;c", "'; rm x; '")]
        for files in list(MACHINES.values()) + hostile:
            for f in examine(files)[0].values():
                if f["mend"]:
                    done = subprocess.run(["bash", "-n", "-c", f["mend"]], stderr=subprocess.PIPE)
                    self.assertEqual((done.returncode, done.stderr), (0, b""), f["mend"])
        for files in hostile:
            mend = examine(files)[0]["quota"]["mend"]
            if not mend.startswith("#"):  # the name is one argument, whatever it contains
                words = subprocess.run(["bash", "-c", 'sudo() { printf "%s" "$2"; }; ' + mend],
                                       stdout=subprocess.PIPE, text=True, check=True).stdout
                self.assertEqual(words, re.search("'(.*)'", mend).group(1))

    def test_worst_first(self):
        with Root(MACHINES["laptop"]) as root:
            code, out, err = run("--root", root)
        self.assertEqual((code, err), (0, ""))
        order = re.findall(r"^(bad|warning|note|ok)\b", out, re.M)
        self.assertEqual(order, sorted(order, key=["bad", "warning", "note", "ok"].index))
        self.assertEqual(len(order), len(IDS))
        self.assertEqual(out.splitlines()[-1],
                         "9 findings disturb measurements here (3 bad); 1 of 18 could not be seen")
        self.assertNotIn("\033", out)

    def test_colours_on_a_terminal_only(self):
        with Root(MACHINES["server"]) as root:
            for env, coloured in ((dict(TERM="xterm"), True), (dict(TERM="xterm", NO_COLOR="1"), False)):
                parent, child = pty.openpty()
                clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
                subprocess.run([DECOCT, "doctor", "--root", root], stdin=subprocess.DEVNULL, stdout=child,
                               env=dict(clean, LC_ALL="C.UTF-8", **env), check=True, timeout=600)
                os.close(child)
                out = b""
                try:
                    while piece := os.read(parent, 65536):
                        out += piece
                except OSError:  # Linux: the other end is closed
                    pass
                os.close(parent)
                self.assertEqual(b"\033[" in out, coloured)
                self.assertIn(b"disturb", out)

    def test_narrow(self):
        with Root(MACHINES["server"]) as root:
            out = run("--root", root, COLUMNS="40")[1]
        self.assertLessEqual(max(map(len, out.splitlines())), 40)

    def test_strict(self):
        for name, code in (("laptop", 13), ("server", 0), ("virtual", 0), ("empty", 0)):
            with Root(MACHINES[name]) as root, self.subTest(name):
                self.assertEqual(run("--strict", "--root", root)[0], code)
                self.assertEqual(run("--strict", "--json", "--root", root)[0], code)
                self.assertEqual(run("--root", root)[0], 0)

    def test_usage(self):
        for args in (["--root", "/nowhere"], ["--root", ""], ["--root", "/dev/null"], ["x"], ["--what"]):
            code, out, err = run(*args)
            self.assertEqual((code, out), (64, ""))
            self.assertTrue(err)


class ReadOnly(unittest.TestCase):
    def test_nothing_changes_below_the_root(self):
        with Root(MACHINES["laptop"]) as root:
            before = {p: os.lstat(p) for f, _, n in os.walk(root) for p in [f] + [os.path.join(f, x) for x in n]}
            run("--root", root)
            after = {p: os.lstat(p) for f, _, n in os.walk(root) for p in [f] + [os.path.join(f, x) for x in n]}
        self.assertEqual(set(before), set(after))
        for path, info in before.items():
            self.assertEqual((info.st_mtime_ns, info.st_ctime_ns, info.st_size),
                             (after[path].st_mtime_ns, after[path].st_ctime_ns, after[path].st_size))

    @unittest.skipUnless(shutil.which("strace") and not os.environ.get("DECOCT_TEST_EMULATOR"), "no strace")
    def test_nothing_is_opened_for_writing(self):
        log = tempfile.NamedTemporaryFile()
        done = subprocess.run(["strace", "-f", "-o", log.name, "-e", "trace=file,desc", DECOCT, "doctor"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600,
                              env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))  # not under strace
        text = log.read().decode(errors="replace")
        if "/proc/stat" not in text:
            self.skipTest("strace sees nothing here: %s" % done.stderr.decode(errors="replace")[:200])
        self.assertEqual(done.returncode, 0)
        self.assertNotRegex(text, r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
        self.assertNotRegex(text, r"\b(unlink|rename|mkdir|chmod|chown|truncate|symlink|link|rmdir)(at)?\(")


class ThisMachine(unittest.TestCase):
    def test_it_can_look(self):
        code, out, err = run("--json")
        self.assertEqual((code, err), (0, ""))
        found = {f["id"]: f for f in json.loads(out)["findings"]}
        self.assertEqual(list(found), IDS)
        self.assertNotIn("not sampled", found["steal"]["what"])


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: BSD-2-Clause
"""The builds that ci/ab-study compares, all of the newest commit:

  plain/    installed
  twin/     the same, linked again with the objects in the opposite order
  delayed/  the same, with delay.c around the public operations: a file beside the library slows one call
  build/    a build folder; its cli/decoct measures
"""
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "..", ".."))
# What a comparison is made of: a commit that changes other folders only can continue a study.
SOURCES = ("include", "backends", "lib", "bench", "cli", "ci/study/delay.c")
# meson's options; the report page and the tests are not needed.
OPTIONS = ("-Dbench=enabled", "-Dreport=disabled", "-Dtests=disabled")


class BuildError(Exception):
    """A message for the user."""


def git(*args):
    done = subprocess.run(["git", "-C", TOP, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        raise BuildError("git %s: %s" % (" ".join(args), done.stderr.strip()))
    return done.stdout.strip()


def commit():
    return git("rev-parse", "HEAD")


def sources():
    """A word that changes exactly when something that is compared or measures changes."""
    trees = "".join(git("rev-parse", "HEAD:" + name) for name in SOURCES)
    return hashlib.sha256(trees.encode()).hexdigest()[:16]


def run(words, log, **more):
    with open(log, "a", encoding="utf-8") as file:
        done = subprocess.run(words, stdout=file, stderr=subprocess.STDOUT, check=False, **more)
    if done.returncode:
        with open(log, encoding="utf-8") as file:
            raise BuildError("%s\n%s: exit code %d" % (file.read()[-3000:], " ".join(words)[:200], done.returncode))


def link_command(build):
    """The words with which ninja links the library, and the name of its file."""
    name = os.path.realpath(os.path.join(build, "lib", "libdecoct.so.0"))
    target = os.path.relpath(name, build)
    lines = subprocess.run(["ninja", "-C", build, "-t", "commands", target], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.splitlines()
    links = [shlex.split(line.partition(" && ")[0]) for line in lines if " -o %s " % target in line]
    if len(links) != 1:
        raise BuildError("%s: the command that links %s was not found" % (build, target))
    return links[0], target


def relink(build, out, change):
    """Links the library again, to `out`, from change(objects)."""
    words, target = link_command(build)
    objects = [word for word in words if word.endswith(".o")]
    first = words.index(objects[0])
    others = [word for word in words[first:] if word not in objects]
    words = words[:first] + change(objects) + others
    words[words.index(target)] = out
    run(words, os.path.join(build, "relink.log"), cwd=build)


def wrapped():
    """The operations that delay.c has a wrapper of."""
    with open(os.path.join(HERE, "delay.c"), encoding="utf-8") as file:
        return sorted(set(re.findall(r"undelayed_(decoct_\w+)", file.read())))


def delayed_objects(build, source, folder, objects):
    """Copies of the objects with the operations renamed, and the wrappers."""
    log = os.path.join(build, "relink.log")
    renames = [word for name in wrapped() for word in ("--redefine-sym", "%s=undelayed_%s" % (name, name))]
    made = []
    for name in objects:
        made.append(os.path.join(folder, os.path.basename(name)))
        run(["objcopy", *renames, name, made[-1]], log, cwd=build)
    for name in ("ci/study/delay.c", "bench/measure/control.c"):
        made.append(os.path.join(folder, "study_" + os.path.basename(name) + ".o"))
        run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden",
             "-I" + os.path.join(source, "include"), "-I" + os.path.join(source, "bench"), "-c",
             os.path.join(source, name), "-o", made[-1]], log)
    return made


def link_delayed(build, source, out):
    with tempfile.TemporaryDirectory() as folder:
        relink(build, out, lambda objects: delayed_objects(build, source, folder, objects))


def install(work):
    """plain/ and twin/ are made as for ci/perf-gate."""
    script = '. ci/packages && . ci/revisions && build_revision HEAD >&2 && printf "%s" "$built"'
    done = subprocess.run(["bash", "-c", script], cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        raise BuildError("ci/revisions, build_revision HEAD: exit code %d" % done.returncode)
    for name, origin in (("plain", "tree"), ("twin", "twin"), ("delayed", "tree")):
        shutil.copytree(os.path.join(done.stdout, origin, "lib"), os.path.join(work, name, "lib"), symlinks=True)


def make(work):
    source, build = os.path.join(work, "source"), os.path.join(work, "build")
    log = os.path.join(work, "log")
    os.mkdir(source)
    archive = subprocess.Popen(["git", "-C", TOP, "archive", "HEAD"], stdout=subprocess.PIPE)
    run(["tar", "-x", "-C", source], log, stdin=archive.stdout)
    if archive.wait():
        raise BuildError("git archive HEAD: exit code %d" % archive.returncode)
    run(["meson", "setup", build, source, *OPTIONS], log)
    run(["ninja", "-C", build], log)
    install(work)
    link_delayed(build, source, os.path.realpath(os.path.join(work, "delayed", "lib", "libdecoct.so.0")))


def get():
    """The folder with the builds of this commit; made once for each state of the sources."""
    place = os.path.join(TOP, "build", "study", sources())
    if not os.path.exists(os.path.join(place, "made")):
        print("Building %s in %s" % (commit()[:10], os.path.relpath(place)), flush=True)
        shutil.rmtree(place, ignore_errors=True)  # of a build that was interrupted
        os.makedirs(place)
        make(place)
        with open(os.path.join(place, "made"), "w", encoding="utf-8"):
            pass
    return place


def program(place):
    return os.path.join(place, "build", "cli", "decoct")

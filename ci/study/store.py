# SPDX-License-Identifier: BSD-2-Clause
"""The folder of a study: study.json (what is compared), calibration.json (how long each case takes),
runs/ID.json.gz (a finished run each), keys/ID.json (the truth of a blinded run, which only the
tables read). A file appears under its name when it is complete; what an interrupted call left behind
is removed by the next one.
"""
import fcntl
import gzip
import json
import os
import shutil


class StoreError(Exception):
    """A message for the user."""


def write_whole(path, data):
    partial = path + ".partial"
    with open(partial, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


class Store:
    def __init__(self, folder):
        self.folder = folder

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def open_to_write(self):
        """Takes the folder for this process and removes what is incomplete."""
        for name in ("runs", "keys"):
            os.makedirs(self.path(name), exist_ok=True)
        self.lock = open(self.path(".lock"), "w", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError("%s: another ci/ab-study writes to it" % self.folder) from None
        for place in (self.folder, self.path("runs"), self.path("keys")):
            for name in os.listdir(place):
                if name.endswith(".partial"):
                    os.remove(os.path.join(place, name))
        shutil.rmtree(self.scratch(), ignore_errors=True)
        os.mkdir(self.scratch())

    def scratch(self):
        return self.path(".scratch")

    def get(self, name):
        """The content of a small file; None: there is no such file."""
        try:
            with open(self.path(name + ".json"), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def put(self, name, value):
        write_whole(self.path(name + ".json"), (json.dumps(value, indent=1) + "\n").encode())

    def agree(self, study):
        """Every run of a folder compares the same builds by the same rule."""
        before = self.get("study")
        if before is None:
            self.put("study", study)
            return
        for key, value in study.items():
            if before.get(key) != value:
                raise StoreError("%s holds runs with another %s (%s, not %s): use another folder"
                                 % (self.folder, key, before.get(key), value))

    def has_run(self, name):
        return os.path.exists(self.path("runs", name + ".json.gz"))

    def put_run(self, name, record):
        write_whole(self.path("runs", name + ".json.gz"), gzip.compress(json.dumps(record).encode(), mtime=0))

    def runs(self):
        """All finished runs, in the order of their names."""
        place = self.path("runs")
        for name in sorted(os.listdir(place) if os.path.isdir(place) else []):
            if name.endswith(".json.gz"):
                with gzip.open(os.path.join(place, name)) as file:
                    yield json.load(file)

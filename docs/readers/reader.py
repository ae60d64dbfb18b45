#!/usr/bin/env python3
"""Reads snapshots of refresh-sidecar with Python's standard library alone. README.md beside this file says what a reader has to do.

    reader.py --follow FILE    looks at a file again and again, and prints what is new
    reader.py FILE...          looks at these files as if each had taken the place of the one before it; -- begins anew
"""
import hashlib
import json
import os
import stat
import sys
import time

LIMIT = 64 << 20  # bytes; no sidecar writes more
POLL = 2.0  # seconds; the standard library has no file system events, and none are needed


class Refused(Exception):
    """A file that must not be accepted; the text is the reason."""


def read(path):
    try:
        file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")  # O_NONBLOCK: opening a FIFO would wait for its writer
    except OSError as err:
        raise Refused("missing" if isinstance(err, FileNotFoundError) else "io") from err
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Refused("not_regular")
        data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise Refused("too_large")
    return data


def checksum(data):
    """Returns the checksum of the raw lines. Targets that json writes again are other bytes: 1.10 becomes 1.1."""
    _, begin, rest = data.partition(b'\n  "targets": [')
    lines, end, _ = (b"", True, rest) if rest.startswith(b"],\n") else rest.partition(b"\n  ],\n")
    if not begin or not end:
        raise Refused("schema")
    return "sha256:" + hashlib.sha256(b"[" + lines.replace(b"\n    ", b"") + b"]").hexdigest()


def unique(pairs):
    if len(dict(pairs)) < len(pairs):
        raise Refused("schema")  # json would take the last of two equal keys
    return dict(pairs)


def no_number(text):
    raise ValueError(text)  # json takes NaN and Infinity for numbers


def decode(data):
    if not data.strip():
        raise Refused("empty")
    try:  # json.loads of bytes would also take UTF-16 and a byte order mark
        doc = json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=no_number)
    except (ValueError, RecursionError) as err:
        raise Refused("syntax") from err
    version = doc.get("schema_version") if type(doc) is dict else None
    if type(version) is not int or version < 1:
        raise Refused("schema")
    if version > 1:
        raise Refused("unsupported_version")
    if doc.get("checksum") != checksum(data):
        raise Refused("checksum")
    names = [target["name"] for target in doc["targets"]]
    if type(doc.get("epoch")) is not str or type(doc.get("generation")) is not int or names != sorted(set(names)):
        raise Refused("schema")
    return doc


class Reader:
    """Keeps the snapshot that was accepted last."""

    held = None

    def look(self, path):
        """Looks at the file once, and returns what came of it."""
        try:
            doc = decode(read(path))
            if self.held and doc["epoch"] == self.held["epoch"] and (
                doc["generation"] < self.held["generation"]
                or doc["generation"] == self.held["generation"] and doc["checksum"] != self.held["checksum"]
            ):
                raise Refused("rollback")
            self.held, result = doc, {"outcome": "accept"}
        except Refused as err:
            result = {"outcome": "keep" if self.held else "refuse", "reason": str(err)}
        if self.held:
            result |= {"generation": self.held["generation"], "targets": len(self.held["targets"]), "digest": digest(self.held)}
        return result


def digest(doc):
    """Returns the digest by which the kit sees that the targets were read right."""
    text = ""
    for target in doc["targets"]:
        text += "{name} {type} {url} {format} ".format(**target) + str(target["enabled"]).lower() + "\n"
        text += "".join(f"{name}: {value}\n" for name, value in sorted(target["headers"].items()))
    return hashlib.sha256(text.encode()).hexdigest()


def follow(path):
    reader, last = Reader(), None
    while True:
        result = reader.look(path)
        if result != last:
            print(json.dumps(result), flush=True)
        last = result
        time.sleep(POLL)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--follow"] and len(sys.argv) == 3:
        follow(sys.argv[2])
    one = Reader()
    for name in sys.argv[1:]:
        if name == "--":
            one = Reader()
        else:
            print(json.dumps(one.look(name)))

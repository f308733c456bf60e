#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Do the unit tests notice when the code is wrong?

    mutants.py [--jobs N] [--sample N] [--list] [FILE]...

Changes one operator at a time in each pure file that a unit test links (or in
those named), builds the tests that link the file and runs them. A change that
compiles and makes no test fail is printed as a diff. harmless.txt, beside
this program, holds the changes that no test can notice, each with a reason.

Exit status 0: at least 95 of 100 changes made a test fail, and the others are
all in harmless.txt. meson and ninja must be on the PATH. With --sample, N
changes of each file are tried, chosen by chance.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
# What the unit tests are built from.
PARTS = ("meson.build", "hw", "include", "ui", "tests/unit", "tests/bench")
ENOUGH = 0.95
# Not pure: a thread, or ioctls that no memory of a test takes. Only if named.
LEFT_OUT = re.compile(r"ui/(gl-readback|dmabuf-).*")
# The slowest test takes two seconds; a change can make a loop endless.
LIMIT_SECONDS = 60

# In QEMU's style a binary operator has a blank on both sides, which tells it
# from a pointer or a sign.
BINARY = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "&&": "||", "||": "&&", "+": "-", "-": "+", "*": "/", "/": "*",
    "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&",
    "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=",
}
OTHER = {"++": "--", "--": "++", "!": ""}
OPERATOR = re.compile(
    r"(?<=\s)(?P<binary>" +
    "|".join(re.escape(word) for word in
             sorted(BINARY, key=len, reverse=True)) +
    r")(?=\s)|(?P<other>\+\+|--|!(?!=))")
# Nothing in there is an operator; or none that a test is to reach, in what the
# code says can never be.
HIDDEN = re.compile(
    r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    r"|^[ \t]*#(?:\\\n|[^\n])*|\bassert\(.*?\);", re.S | re.M)


@dataclasses.dataclass(frozen=True)
class Mutant:
    file: str
    start: int
    end: int
    word: str
    number: int     # of the line, from 1
    old: str
    new: str

    def text(self, source):
        return source[:self.start] + self.word + source[self.end:]

    def key(self):
        """What harmless.txt names it by: line numbers do not last."""
        return self.file, self.old, self.new

    def __str__(self):
        return (f"{self.file}:{self.number}\n"
                f"-{self.old}\n+{self.new}")


def mutants_of(file, source):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())

    for match in OPERATOR.finditer(HIDDEN.sub(blank, source)):
        table = BINARY if match["binary"] else OTHER
        word = table[match.group()]
        first = source.rfind("\n", 0, match.start()) + 1
        last = source.find("\n", match.end())
        yield Mutant(file, match.start(), match.end(), word,
                     source.count("\n", 0, first) + 1,
                     source[first:last].strip(),
                     (source[first:match.start()] + word +
                      source[match.end():last]).strip())


def read_harmless(path):
    """Blocks of a file's name, a line, what it is changed to, a reason."""
    known = {}
    blocks = re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.M)
    for block in filter(None, re.split(r"\n\s*\n", blocks.strip())):
        lines = block.split("\n")
        if len(lines) < 4 or lines[1][0] != "-" or lines[2][0] != "+":
            sys.exit(f"{path}: cannot be read:\n{block}")
        key = lines[0], lines[1][1:].strip(), lines[2][1:].strip()
        known[key] = " ".join(lines[3:])
    return known


class Tree:
    """A copy of the sources with a build of the unit tests."""

    def __init__(self, folder):
        self.source = pathlib.Path(folder, "source")
        self.build = pathlib.Path(folder, "build")
        for part in PARTS:
            place = self.source / part
            place.parent.mkdir(parents=True, exist_ok=True)
            if (TOP / part).is_dir():
                shutil.copytree(TOP / part, place)
            else:
                shutil.copy(TOP / part, place)
        # What the compiler only warns of is for the tests to notice.
        self.call("meson", "setup", "-Dwerror=false", "-Doptimization=0",
                  str(self.build), str(self.source), check=True)
        self.call("ninja", "-j1", "-C", str(self.build), check=True)
        self.tests = self.find_tests()

    @staticmethod
    def call(*command, check=False, **keywords):
        return subprocess.run(command, check=check, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, **keywords)

    def find_tests(self):
        """The tests that link each file, its own first."""
        def introspect(what):
            return json.loads(subprocess.check_output(
                ["meson", "introspect", what, str(self.build)]))

        tests = {}
        names = {test["cmd"][0] for test in introspect("--tests")}
        for target in introspect("--targets"):
            if target["filename"][0] not in names:
                continue
            for group in target["target_sources"]:
                for path in group.get("sources", []):
                    file = os.path.relpath(path, self.source)
                    if not file.startswith("tests/"):
                        tests.setdefault(file, []).append(target["name"])
        return {file: sorted(linked, key=self.own_first(file))
                for file, linked in tests.items()}

    @staticmethod
    def own_first(file):
        own = f"test-{pathlib.Path(file).stem}"
        return lambda name: (name != own, name)

    def fails(self, test):
        """None if it cannot be built."""
        if self.call("ninja", "-j1", "-C", str(self.build),
                     f"tests/unit/{test}").returncode:
            return None
        environment = dict(os.environ, ASAN_OPTIONS="hard_rss_limit_mb=600")
        try:
            return self.call(str(self.build / "tests/unit" / test), "-k",
                             timeout=LIMIT_SECONDS, env=environment,
                             cwd=self.build).returncode != 0
        except subprocess.TimeoutExpired:
            return True

    def is_caught(self, mutant):
        """None if the change does not compile."""
        path = self.source / mutant.file
        source = path.read_text("utf-8")
        try:
            path.write_text(mutant.text(source), "utf-8")
            for test in self.tests[mutant.file]:
                failed = self.fails(test)
                if failed is None or failed:
                    return failed
            return False
        finally:
            path.write_text(source, "utf-8")


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--list", action="store_true",
                        help="only print the changes")
    parser.add_argument("files", nargs="*", metavar="FILE")
    return parser.parse_args()


def choose(options, files):
    chosen = []
    pure = (file for file in sorted(files) if not LEFT_OUT.match(file))
    for file in options.files or pure:
        found = list(mutants_of(file, (TOP / file).read_text("utf-8")))
        if options.sample and len(found) > options.sample:
            found = random.sample(found, options.sample)
        chosen += found
    return chosen


def run(trees, mutants):
    """Yields each mutant with what came of it."""
    free = queue.Queue()
    for tree in trees:
        free.put(tree)

    def one(mutant):
        tree = free.get()
        try:
            return mutant, tree.is_caught(mutant)
        finally:
            free.put(tree)

    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        yield from pool.map(one, mutants)


def report(caught, missed, known):
    unknown = [mutant for mutant in missed if mutant.key() not in known]
    total = caught + len(missed)
    print(f"{total} changes compiled, {caught} made a test fail, "
          f"{len(missed) - len(unknown)} are known as harmless, "
          f"{len(unknown)} are not", flush=True)
    return total and caught >= ENOUGH * total and not unknown


def main():
    options = parse_options()
    known = read_harmless(HERE / "harmless.txt")
    with tempfile.TemporaryDirectory() as folder:
        trees = [Tree(os.path.join(folder, str(job)))
                 for job in range(options.jobs)]
        mutants = choose(options, trees[0].tests)
        if options.list:
            print(*mutants, sep="\n\n")
            return
        caught, missed = 0, []
        for mutant, result in run(trees, mutants):
            if result:
                caught += 1
            elif result is False:
                missed.append(mutant)
                note = known.get(mutant.key(), "NO TEST FAILS")
                print(f"{mutant}\n{note}\n", flush=True)
    sys.exit(not report(caught, missed, known))


if __name__ == "__main__":
    main()

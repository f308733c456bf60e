#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""All arrows between the files of a part point down: who calls and who includes.

Reads the objects of the emulator with nm: a file that uses a symbol points to
the file that defines it. That is the whole call graph between files, without
calls by pointer. Includes are read from the sources. Prints TAP.

    arrows.py [--print]     shows the graphs instead
"""

import collections
import pathlib
import re
import subprocess
import sys

import tapcases

TOP = pathlib.Path(__file__).resolve().parents[2]
OBJECTS = TOP / "build" / "qemu" / "build" / "libcommon.a.p"
# What is named alike belongs together.
PARTS = {
    "vfio-display": ("hw/display", ("vfio-display*",)),
    "vgpu-sw": ("hw/display", ("vgpu-sw*",)),
    "vnc-video": ("ui", ("vnc-video*", "vnc-dmabuf*", "vnc-motion*",
                         "vnc-enc-h264*", "video-*")),
}

# So that a file can be read in one sitting.
MAX_HEADER, MAX_FILE, MAX_FUNCTION, MAX_FIELDS = 150, 600, 50, 20


def _sources(part, suffix):
    folder, names = PARTS[part]
    found = [sorted((TOP / folder).glob(name + suffix)) for name in names]
    assert all(found), part
    return sorted(sum(found, []))


def _symbols(obj):
    """The names that it defines, and those that it uses."""
    listed = subprocess.run(["nm", "--extern-only", obj], check=True,
                            capture_output=True, text=True).stdout
    defined, used = set(), set()
    for line in listed.splitlines():
        kind, name = line.split()[-2:]
        (used if kind == "U" else defined).add(name)
    return defined, used


def call_graph(part):
    """{file: the files that it calls}"""
    symbols = {}
    for source in _sources(part, ".c"):
        folder = PARTS[part][0].replace("/", "_")
        obj = OBJECTS / f"{folder}_{source.name}.o"
        if obj.exists():    # the stubs are not built
            symbols[source.name] = _symbols(obj)
    assert len(symbols) > 5, f"{OBJECTS} has no {part}"
    owner = {name: file for file, (defined, _) in symbols.items()
             for name in defined}
    return {file: {owner[name] for name in used if name in owner} - {file}
            for file, (_, used) in symbols.items()}


def include_graph(part):
    """{header: the headers of the same part that it includes}"""
    headers = {header.name: header for header in _sources(part, ".h")}
    return {name: set(re.findall(r'#include "(?:hw/display/)?([^"/]+)"',
                                 header.read_text())) & set(headers)
            for name, header in headers.items()}


def circle(graph):
    """A way from a file back to itself, or None."""
    done, path = set(), []

    def visit(file):
        if file in path:
            return path[path.index(file):] + [file]
        if file in done:
            return None
        path.append(file)
        for other in sorted(graph.get(file, ())):
            found = visit(other)
            if found:
                return found
        done.add(path.pop())
        return None

    for file in sorted(graph):
        found = visit(file)
        if found:
            return found
    return None


def _functions(text):
    """(name, lines) of each function, in QEMU's style."""
    for match in re.finditer(r"^(\w[^\n;{}=]*(?:\n[^\n;{}=]+)*)\n\{\n"
                             r"(.*?)^\}", text, re.M | re.S):
        name = re.search(r"(\w+)\(", match[1])
        if name:
            yield name[1], match[2].count("\n") + match[1].count("\n") + 3


def _structs(text):
    """(name, fields) of each struct."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for match in re.finditer(r"struct (\w+) \{(.*?)^\}", text, re.M | re.S):
        fields = re.sub(r"\([^()]*\)", "", match[2])   # no parameters
        yield match[1], len(re.findall(r"[;,]", fields))


def test_calls():
    """no circle of calls"""
    for part in PARTS:
        found = circle(call_graph(part))
        assert not found, " -> ".join(found)


def test_includes():
    """no circle of includes"""
    for part in PARTS:
        found = circle(include_graph(part))
        assert not found, " -> ".join(found)


def test_refresh():
    """one file calls the refresh"""
    graph = call_graph("vfio-display")
    callers = {file for file in graph
               if "vfio-display-refresh.c" in graph[file]}
    assert callers == {"vfio-display.c"}, callers


def test_sizes():
    """files, headers, functions and structs are short"""
    long = []
    for part in PARTS:
        for source in _sources(part, ".[ch]"):
            text = source.read_text()
            lines = text.count("\n")
            limit = MAX_HEADER if source.suffix == ".h" else MAX_FILE
            if lines > limit:
                long.append(f"{source.name}: {lines} lines")
            long += [f"{source.name}: {name}() has {lines} lines"
                     for name, lines in _functions(text)
                     if lines > MAX_FUNCTION]
            long += [f"{source.name}: {name} has {fields} fields"
                     for name, fields in _structs(text)
                     if fields > MAX_FIELDS]
    assert not long, "; ".join(long)


def test_circle_is_found():
    """what is looked for would be found"""
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    assert dict(_functions("int f(int a,\n      int b)\n{\n    g();\n}\n")) \
        == {"f": 5}
    assert dict(_structs("struct A {\n    int a, b; /* ; */\n"
                         "    void (*f)(int c, int d);\n};\n")) == {"A": 3}


def _layers(graph):
    """Files by how many are below them at most, the highest first."""
    depth = {}

    def measure(file):
        if file not in depth:
            depth[file] = 1 + max(map(measure, graph[file]), default=-1)
        return depth[file]

    rows = collections.defaultdict(list)
    for file in sorted(graph):
        rows[measure(file)].append(file)
    return [rows[level] for level in sorted(rows, reverse=True)]


def show():
    for part in PARTS:
        for what, graph in (("calls", call_graph(part)),
                            ("includes", include_graph(part))):
            print(f"{part}: {what}")
            found = circle(graph)
            if found:
                print(f"  CIRCLE {' -> '.join(found)}")
                continue
            for row in _layers(graph):
                for file in row:
                    print(f"  {file} -> {', '.join(sorted(graph[file]))}"
                          .rstrip(" ->"))
                print()


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        show()
    else:
        tapcases.run([test for name, test in list(globals().items())
                      if name.startswith("test_")])

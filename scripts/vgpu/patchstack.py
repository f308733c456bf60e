# SPDX-License-Identifier: GPL-2.0-or-later
"""The quilt stack in patches/, read.

usage: patchstack.py --names | --added TOP BASE

patches/series names the patches as GROUP/NAME.patch. A patch file holds a
commit message, whose trailers "Adds: PATH" name new files that come with it
and "Removes: PATH" files of QEMU's that go with it, a line "---", and the diff
of the files that it edits (there may be none). A paragraph "Impact: ..." of
the message says what becomes different for people without a vGPU.

A base is a release of QEMU that the stack is for. The patches are written for
BASES[0]. For another one patches/BASE/GROUP/NAME.patch takes the place of the
patch of that name; where it begins with the line "---", it has that one's
message and trailers. patches/BASE/dropped names those that the base needs
not, and in a comment what it has in their place.

--names prints the names of a base's patches, --added the new files that they
bring.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path


BASES = ('10.0', '10.2')

# The groups in the order of the series, each with what it cannot do without.
NEEDS = {
    'fixes': (),
    'dmabuf': ('fixes',),
    'console': ('fixes', 'dmabuf'),
    'viewers': ('fixes', 'dmabuf', 'console'),
    'holds': ('fixes', 'dmabuf', 'console', 'viewers'),
    'vgpu': ('fixes', 'dmabuf', 'console', 'viewers', 'holds'),
    'screen': ('fixes', 'dmabuf', 'console', 'viewers'),
    'performance': ('fixes',),
    'video': ('fixes', 'dmabuf', 'console', 'viewers', 'holds',
              'performance'),
    'windows': ('fixes', 'dmabuf', 'console', 'viewers', 'holds', 'vgpu'),
}


class StackError(Exception):
    """What is wrong with the stack, for the person who edits it."""


class Patch:
    _TRAILER = re.compile(r'(Adds|Removes): +(\S+)\s*$')
    _IMPACT = re.compile(r'^Impact: +(.+?)(?=\n\n|\n[A-Z][a-z-]+: |\Z)',
                         re.DOTALL | re.MULTILINE)
    DIFF_START = re.compile(r'(---( |$)|diff |Index: )')

    def __init__(self, folder, name, base=BASES[0]):
        self.path = folder / name
        self.name = name
        self.group = name.split('/')[0]
        self.adds = []
        self.removes = []
        header = self.path.read_text()
        if (folder / base / name).is_file():
            self.path = folder / base / name
            if not self.path.read_text().startswith('---\n'):
                header = self.path.read_text()
        message = self._read_header(header.splitlines())
        self.subject = message[0].strip() if message else ''
        self.body = '\n'.join(message[1:]).strip()
        if not self.subject:
            raise StackError(f'{self.name}: no subject line')
        impact = self._IMPACT.search(self.body)
        self.impact = ' '.join(impact[1].split()) if impact else ''
        self.edits = self._edited_files()

    def _read_header(self, lines):
        """The message's lines; notes the trailers."""
        message = []
        for line in lines:
            if self.DIFF_START.match(line):
                break
            trailer = self._TRAILER.match(line)
            if trailer:
                kind, name = trailer.groups()
                (self.adds if kind == 'Adds' else self.removes).append(name)
            else:
                message.append(line.removeprefix('Subject: '))
        while message and not message[0].strip():
            message.pop(0)
        return message

    def _edited_files(self):
        """Paths that the diff touches, without the a/ or b/ before them."""
        found = []
        listing = subprocess.run(
            ['git', 'apply', '--numstat', '-z', '--allow-empty', self.path],
            capture_output=True, text=True, check=False, cwd='/')
        if listing.returncode:
            raise StackError(f'{self.name}: {listing.stderr.strip()}')
        for entry in listing.stdout.split('\0'):
            if entry:
                found.append(entry.split('\t')[2])
        return found

    @property
    def message(self):
        return f'{self.subject}\n\n{self.body}\n' if self.body \
            else f'{self.subject}\n'

    def apply(self, tree):
        """Apply the diff in the folder tree: exactly, as git am would."""
        if not self.edits:
            return
        done = subprocess.run(
            ['patch', '-p1', '-F0', '-E', '--no-backup-if-mismatch',
             '--batch', '-r', '-', '-i', str(self.path)],
            cwd=tree, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f'{self.name} does not apply:\n{done.stdout}')


def check_groups(stack):
    """Each patch is in a group, and no group needs a later one."""
    order = list(NEEDS)
    last = 0
    for patch in stack:
        if patch.group not in NEEDS:
            raise StackError(f'{patch.name}: the groups are '
                             f'{", ".join(order)}')
        place = order.index(patch.group)
        if place < last:
            raise StackError(f'{patch.name} comes after {order[last]}')
        last = place


def patches_for(stack, group):
    """The group's patches and those that it needs, in order."""
    return [patch for patch in stack
            if patch.group == group or patch.group in NEEDS[group]]


def read_names(path):
    """The patches that a file names, one a line; comments begin with #."""
    if not path.exists():
        return []
    lines = (line.split('#')[0].split() for line in
             path.read_text().splitlines())
    return [words[0] for words in lines if words]


def diff_of(path):
    """A patch file's diff, but for where in a file its parts are."""
    lines = path.read_text().split('\n')
    start = next((i for i, line in enumerate(lines)
                  if Patch.DIFF_START.match(line)), len(lines))
    return [re.sub('^@@ .*', '@@', line) for line in lines[start:]]


def check_base(folder, base, names, dropped):
    """Every file of the base's folder is about a patch that there is."""
    own = [str(path.relative_to(folder / base))
           for path in sorted((folder / base).rglob('*.patch'))]
    for name in own + dropped:
        if name not in names:
            raise StackError(f'{base}/{name}: patches/series has no {name}')
    for name in set(own) & set(dropped):
        raise StackError(f'{base}/{name} is of a patch that is dropped')
    for name in own:
        if diff_of(folder / name) == diff_of(folder / base / name):
            raise StackError(f'{base}/{name} is the same as {name}')


def read_stack(top, base=BASES[0]):
    """The patches that patches/series names, in order, checked."""
    folder = Path(top) / 'patches'
    names = read_names(folder / 'series')
    dropped = read_names(folder / base / 'dropped')
    check_base(folder, base, names, dropped)
    stack = [Patch(folder, name, base) for name in names
             if name not in dropped]
    check_groups(stack)
    added = {}
    for patch in stack:
        for path in patch.adds:
            if path in added:
                raise StackError(f'{patch.name} adds {path}, which '
                                 f'{added[path]} has added')
            if not (Path(top) / path).is_file():
                raise StackError(f'{patch.name} adds {path}, which '
                                 'is not in this repository')
            added[path] = patch.name
        both = set(patch.edits) & added.keys()
        if both:
            raise StackError(f'{patch.name} edits a new file: {both}')
    return stack


def main():
    parser = argparse.ArgumentParser()
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--names', action='store_true')
    what.add_argument('--added', action='store_true')
    parser.add_argument('top', type=Path)
    parser.add_argument('base', choices=BASES)
    arguments = parser.parse_args()
    try:
        for patch in read_stack(arguments.top.resolve(), arguments.base):
            for line in [patch.name] if arguments.names else patch.adds:
                print(line)
    except StackError as error:
        sys.exit(f'patches: {error}')


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The quilt stack in patches/, read.

patches/series names the patches as GROUP/NAME.patch. A patch file holds a
commit message, whose trailers "Adds: PATH" name new files that come with it
and "Removes: PATH" files of QEMU's that go with it, a line "---", and the diff
of the files that it edits (there may be none). A paragraph "Impact: ..." of
the message says what becomes different for people without a vGPU.
"""

import re
import subprocess
from pathlib import Path


# The groups in the order of the series, each with what it cannot do without.
NEEDS = {
    'fixes': (),
    'dmabuf': ('fixes',),
    'console': ('fixes', 'dmabuf'),
    'viewers': ('fixes', 'dmabuf', 'console'),
    'vgpu': ('fixes', 'dmabuf', 'console', 'viewers'),
    'performance': ('fixes',),
}


class StackError(Exception):
    """What is wrong with the stack, for the person who edits it."""


class Patch:
    _TRAILER = re.compile(r'(Adds|Removes): +(\S+)\s*$')
    _IMPACT = re.compile(r'^Impact: +(.+?)(?=\n\n|\n[A-Z][a-z-]+: |\Z)',
                         re.DOTALL | re.MULTILINE)
    _DIFF_START = re.compile(r'(---( |$)|diff |Index: )')

    def __init__(self, folder, name):
        self.path = folder / name
        self.name = name
        self.group = name.split('/')[0]
        self.adds = []
        self.removes = []
        message = self._read_header(self.path.read_text().splitlines())
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
            if self._DIFF_START.match(line):
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


def read_stack(top):
    """The patches that patches/series names, in order, checked."""
    series = Path(top) / 'patches' / 'series'
    names = []
    if series.exists():
        names = [line.split('#')[0].strip()
                 for line in series.read_text().splitlines()]
    stack = [Patch(series.parent, name.split()[0]) for name in names if name]
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

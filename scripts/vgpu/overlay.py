#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bring QEMU's source tree up to date with patches/ and the new files.

usage: overlay.py TOP PRISTINE.git TREE [BASE]
       overlay.py --prepare TREE

TREE is pristine source as committed in PRISTINE.git, except for the files
that the patches edit, which are written here, and the new files, which are
symbolic links to where they live in TOP. Only what differs is written: ninja
goes by time stamps, and a patch that changes should not rebuild everything.
--prepare only edits what Debian's source needs to be configured at all.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from patchstack import BASES, StackError, read_stack

STATE = '.vgpu-overlay'
# What --prepare edits.
BUILD_FILES = ('meson.build', 'pc-bios/meson.build')


class Pristine:
    """Files of QEMU's source as it was unpacked."""

    def __init__(self, git_dir):
        self.git_dir = git_dir

    def _git(self, *arguments):
        return subprocess.run(['git', f'--git-dir={self.git_dir}', *arguments],
                              capture_output=True, check=True).stdout

    def has(self, path):
        return bool(self._git('ls-tree', '-z', 'HEAD', '--', path))

    def extract(self, path, tree):
        """Write path below the folder tree, if it exists at all."""
        if not self.has(path):
            return
        entry = self._git('ls-tree', '-z', 'HEAD', '--', path).decode()
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self._git('cat-file', 'blob', f'HEAD:{path}'))
        target.chmod(0o755 if entry.startswith('100755') else 0o644)


def allow_missing_blobs(tree):
    """Debian's source has no firmware blobs: do not unpack any.

    The emulator's build needs none; firmware comes from packages. Nor has it
    the device trees of other architectures' boards, which some releases make
    or else want to be there.
    """
    build_file = tree / 'meson.build'
    text = build_file.read_text()
    wanted = text.replace('unpack_edk2_blobs = bzip2.found()',
                          'unpack_edk2_blobs = false')
    if wanted == text:
        raise StackError('meson.build: where are the firmware blobs unpacked?')
    build_file.write_text(wanted)
    blobs = tree / 'pc-bios/meson.build'
    if blobs.exists():
        blobs.write_text(blobs.read_text().replace("subdir('dtb')\n", ''))


def build_scratch(stack, pristine, scratch):
    """The edited files' final state, in scratch; returns their names.

    One that is not there in the end was removed.
    """
    touched = {path for path in BUILD_FILES if pristine.has(path)}
    for patch in stack:
        touched.update(patch.edits, patch.removes)
    for path in sorted(touched):
        pristine.extract(path, scratch)
    for patch in stack:
        patch.apply(scratch)
        for path in patch.removes:
            if not (scratch / path).exists():
                raise StackError(f'{patch.name} removes {path}, '
                                 'which does not exist')
            (scratch / path).unlink()
    allow_missing_blobs(scratch)
    return touched


def discard(target):
    if target.is_symlink() or target.exists():
        target.unlink()


def put_file(source, target):
    """Make target the same file as source; true if it was not."""
    if not source.exists():
        changed = target.is_symlink() or target.exists()
        discard(target)
        return changed
    if (target.is_file() and not target.is_symlink()
            and target.read_bytes() == source.read_bytes()
            and target.stat().st_mode == source.stat().st_mode):
        return False
    discard(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode)
    return True


def put_link(source, target):
    """Make target a link to source; true if it was not."""
    text = os.path.relpath(source, target.parent.resolve())
    if target.is_symlink() and os.readlink(target) == text:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    discard(target)
    target.symlink_to(text)
    return True


def sync(top, pristine, tree, base=BASES[0]):
    stack = read_stack(top, base)
    added = [path for patch in stack for path in patch.adds]
    state = tree / STATE
    before = set(state.read_text().split('\n')) if state.exists() else set()
    changed = []
    with tempfile.TemporaryDirectory(dir=tree.parent) as name:
        scratch = Path(name)
        touched = build_scratch(stack, pristine, scratch)
        for path in added:
            if pristine.has(path) or path in touched:
                raise StackError(f'{path} is a file of QEMU: patch it')
        stale = before - touched - set(added) - {''}
        for path in stale:
            pristine.extract(path, scratch)
        # Whatever happens from here on, the next run knows what to undo.
        state.write_text('\n'.join(sorted(before | touched | set(added))))
        for path in sorted(touched | stale):
            if put_file(scratch / path, tree / path):
                changed.append(path)
    for path in added:
        if put_link(top / path, tree / path):
            changed.append(path)
    state.write_text('\n'.join(sorted(touched | set(added))))
    return stack, changed


def main():
    if sys.argv[1] == '--prepare':
        allow_missing_blobs(Path(sys.argv[2]))
        return
    top, git_dir, tree = (Path(name).resolve() for name in sys.argv[1:4])
    try:
        stack, changed = sync(top, Pristine(git_dir), tree, *sys.argv[4:])
    except StackError as error:
        sys.exit(f'patches: {error}')
    for path in changed:
        print(f'updated {path}')
    print(f'{len(stack)} patches, {len(changed)} files updated')


if __name__ == '__main__':
    main()

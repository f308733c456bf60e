#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn patches/ and the files that they add into a git format-patch series.

usage: series.py [--base BASE] [--group NAME] TOP PRISTINE.git BUILT_TREE
       SERIES WORK
       series.py --impact TOP

Commits every step on the pristine source in WORK/made, writes the series to
the folder SERIES, applies it in WORK/applied with git am, and checks that
no step's meson.build names a file which another step adds or has removed, that
the outcome is what was committed and what is built, and that QEMU's own
scripts/checkpatch.pl has nothing to say but reminders about MAINTAINERS.
--base is the release of QEMU that it is for (patchstack.py).
--group makes the series of one group of patches and of those that it needs.
--impact prints what the series changes for people without a vGPU.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from patchstack import BASES, NEEDS, StackError, patches_for, read_stack

# What checkpatch.pl asks of a person and cannot see the answer to.
REMINDERS = (
    'does MAINTAINERS need updating?',
    'added, moved or deleted file(s):',  # the same in later QEMU
    'Please explain the license choice in the commit message.',
)
FINDING = re.compile(r'(ERROR|WARNING): ')
MESON_STRING = re.compile(r"'([^'\s]+)'")


def git(tree, *arguments, **settings):
    done = subprocess.run(
        ['git', '-C', str(tree), '-c', 'core.autocrlf=false',
         '-c', 'commit.gpgSign=false', '-c', 'gc.auto=0', *arguments],
        capture_output=True, text=True, check=False, **settings)
    if done.returncode:
        raise StackError(f'git {" ".join(arguments[:2])} failed:\n'
                         f'{done.stdout}{done.stderr}')
    return done.stdout.strip()


def identity(top):
    """Who and when, for the commits: as this repository says, if it does."""
    def ask(*arguments):
        done = subprocess.run(['git', '-C', str(top), *arguments],
                              capture_output=True, text=True, check=False)
        return done.stdout.strip()

    name = ask('config', 'user.name') or 'vgpu-display'
    email = ask('config', 'user.email') or 'vgpu-display@localhost'
    date = ask('log', '-1', '--format=%cI') or '2026-01-01T00:00:00Z'
    return dict(os.environ,
                GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=email,
                GIT_AUTHOR_DATE=date, GIT_COMMITTER_NAME=name,
                GIT_COMMITTER_EMAIL=email, GIT_COMMITTER_DATE=date)


def check_out(pristine, tree):
    """Make tree the pristine source; one that is there is used again."""
    try:
        # If an earlier run was interrupted while it applied a series.
        shutil.rmtree(tree / '.git' / 'rebase-apply', ignore_errors=True)
        git(tree, 'fetch', '-q', 'origin')
        git(tree, 'checkout', '-q', '-f', '-B', 'series', 'origin/pristine')
        git(tree, 'clean', '-q', '-f', '-d', '-x')
    except StackError:
        shutil.rmtree(tree, ignore_errors=True)
        git('/', 'clone', '-q', '--shared', str(pristine), str(tree))


def commit_step(patch, top, tree, environment):
    patch.apply(tree)
    for path in patch.adds:
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(top / path, target)
    for path in patch.removes:
        (tree / path).unlink()
    git(tree, 'add', '--all', '--force')
    git(tree, 'commit', '-q', '--cleanup=whitespace', '-F', '-',
        input=patch.message, env=environment)


def named_files(tree, path):
    """All that a meson.build may name: it leaves out the ".c" of a test."""
    folder = Path(path).parent
    for name in MESON_STRING.findall((tree / path).read_text()):
        for file in name, f'{name}.c':
            yield os.path.normpath(folder / file)


def check_names(patch, stack, tree):
    """After patch, the tree has each file of the stack's that is named."""
    ours = {path for other in stack for path in other.adds + other.removes}
    edited = {path for other in stack for path in other.edits}
    for path in sorted(edited):
        if Path(path).name != 'meson.build' or not (tree / path).exists():
            continue
        for file in ours.intersection(named_files(tree, path)):
            if not (tree / file).exists():
                raise StackError(f'{patch.name}: after it {path} names '
                                 f'{file}, which is not there')


def write_series(tree, series):
    shutil.rmtree(series, ignore_errors=True)
    git(tree, 'format-patch', '-q', '--zero-commit', '--no-signature',
        '-o', str(series), 'origin/pristine')
    return sorted(series.glob('*.patch'))


def tree_of(tree):
    return git(tree, 'rev-parse', 'HEAD^{tree}')


def check_applies(made, applied, files, environment):
    git(applied, 'am', '-q', *map(str, files), env=environment)
    if tree_of(made) != tree_of(applied):
        raise StackError('the series applied is not what was committed')


def check_built(stack, made, built):
    """The tree that is built has the same files as the series' outcome."""
    for patch in stack:
        for path in patch.edits + patch.adds + patch.removes:
            if path == 'meson.build':
                continue  # edited for Debian's source: see overlay.py
            ours, theirs = made / path, built / path
            if ours.exists() != theirs.exists() or (
                    ours.exists() and ours.read_bytes() != theirs.read_bytes()):
                raise StackError(f'{path} is not what is built: '
                                 'run ./vgpu build')


def check_style(tree, path):
    """checkpatch's findings about one patch, reminders left out."""
    done = subprocess.run(
        ['scripts/checkpatch.pl', '--no-signoff', '--terse',
         '--no-summary', str(path)],
        cwd=tree, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines() + done.stderr.splitlines()
    found = [line for line in lines
             if FINDING.search(line) and
             not any(reminder in line for reminder in REMINDERS)]
    if done.returncode and not any(FINDING.search(line) for line in lines):
        found.append(f'checkpatch failed: {done.stdout}{done.stderr}')
    return found


def check_impact(stack):
    for patch in stack:
        if not patch.impact:
            raise StackError(f'{patch.name}: "Impact: ..." is missing: what '
                             'becomes different for people without a vGPU?')


def print_impact(stack):
    """What each patch says of it, but for those that change nothing."""
    check_impact(stack)
    group = None
    for patch in stack:
        if patch.impact.rstrip('.') == 'none':
            continue
        if patch.group != group:
            group = patch.group
            print(f'{group}\n')
        print(textwrap.indent(patch.subject, '  '))
        print(textwrap.indent(textwrap.fill(patch.impact, 72), '      ') + '\n')
    silent = sum(patch.impact.rstrip('.') == 'none' for patch in stack)
    print(f'{silent} more patches change nothing for anybody else.')


def make_series(top, pristine, built, series, work, base, group):
    stack = read_stack(top, base)
    if not stack:
        raise StackError('patches/series names no patch')
    check_impact(stack)
    chosen = patches_for(stack, group) if group else stack
    environment = identity(top)
    made, applied = work / 'made', work / 'applied'
    check_out(pristine, made)
    for patch in chosen:
        commit_step(patch, top, made, environment)
        check_names(patch, stack, made)
    files = write_series(made, series)
    check_out(pristine, applied)
    check_applies(made, applied, files, environment)
    if group:
        print(f'{len(files)} patches apply to the pristine source')
    else:
        check_built(stack, made, built)
        print(f'{len(files)} patches apply to the pristine source; '
              'the result is what is built')
    found = [line for path in files for line in check_style(made, path)]
    if found:
        raise StackError('checkpatch.pl:\n' + '\n'.join(found))
    print('checkpatch.pl: nothing but reminders')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--base', choices=BASES, default=BASES[0])
    parser.add_argument('--group', choices=NEEDS)
    parser.add_argument('--impact', action='store_true')
    parser.add_argument('paths', nargs='+', type=Path)
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.paths]
    try:
        if arguments.impact:
            print_impact(read_stack(paths[0], arguments.base))
        else:
            make_series(*paths, arguments.base, arguments.group)
    except StackError as error:
        sys.exit(f'series: {error}')


if __name__ == '__main__':
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ./vgpu's own tools: the TAP reader, the patched tree, the series.

Prints TAP. A small tree stands in for QEMU's.
"""

import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TOOLS = TOP / 'scripts' / 'vgpu'
sys.path.insert(0, str(TOOLS))
# pylint: disable-next=wrong-import-position
from patchstack import BASES, read_stack  # noqa: E402

BASE = BASES[1]

CHECKPATCH = '''#!/bin/sh
for patch; do :; done
echo "$patch:1: WARNING: added file(s), does MAINTAINERS need updating?"
! grep -H '^+.*BAD' "$patch" | sed 's/^/ERROR: /' | grep .
'''
FILES = {
    'meson.build': 'unpack_edk2_blobs = bzip2.found()\n',
    'scripts/checkpatch.pl': CHECKPATCH,
    'ui/one.c': 'a\nb\nc\nd\ne\n',
    'ui/two.c': '1\n2\n3\n',
    'ui/old.c': 'goes\n',
    'ui/meson.build': "files('one.c',\n      'old.c')\n",
}
EDIT_ONE = '''ui/one: change it

Because.

Impact: one is
another.
---
--- a/ui/one.c
+++ b/ui/one.c
@@ -1,5 +1,5 @@
 a
 b
-c
+{}
 d
 e
'''
ADD_NEW = '''ui/new: add it

Because.

Impact: none.
Adds: ui/new.c
Removes: ui/old.c
---
--- a/ui/two.c
+++ b/ui/two.c
@@ -1,3 +1,3 @@
 1
-2
+new
 3
'''
NAME_FILE = '''ui: build {0}

Impact: none.
---
--- a/ui/meson.build
+++ b/ui/meson.build
@@ -1,2 +1,2 @@
-files('one.c',
+files('one.c', '{0}',
       'old.c')
'''


class Project:
    """A repository with patches and the tree that they are for."""

    def __init__(self, folder):
        self.top = Path(folder) / 'top'
        self.tree = Path(folder) / 'build' / 'qemu'
        self.pristine = Path(folder) / 'build' / 'pristine.git'
        for name, text in FILES.items():
            self.write(self.tree / name, text)
        (self.tree / 'scripts/checkpatch.pl').chmod(0o755)
        self.write(self.top / 'ui/new.c', 'new\n')
        git = ['git', f'--git-dir={self.pristine}', f'--work-tree={self.tree}',
               '-c', 'core.bare=false', '-c', 'user.name=x',
               '-c', 'user.email=x@localhost']
        subprocess.run(['git', 'init', '-q', '--bare',
                        '--initial-branch=pristine', self.pristine],
                       check=True)
        subprocess.run([*git, 'add', '-A', '.'], check=True, cwd=self.tree)
        subprocess.run([*git, 'commit', '-q', '-m', 'x'], check=True)

    @staticmethod
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def patches(self, *texts, groups=()):
        """In the groups named, or all fixes."""
        names = []
        for number, text in enumerate(texts):
            group = groups[number] if groups else 'fixes'
            names.append(f'{group}/{number}.patch')
            self.write(self.top / 'patches' / names[-1], text)
        self.write(self.top / 'patches/series',
                   ''.join(f'{name}\n' for name in names))

    def base_file(self, name, text):
        self.write(self.top / 'patches' / BASE / name, text)

    def sync(self, *base):
        return subprocess.run(
            [sys.executable, TOOLS / 'overlay.py', self.top, self.pristine,
             self.tree, *base], capture_output=True, text=True, check=False)

    def series(self, *options):
        build = self.tree.parent
        return subprocess.run(
            [sys.executable, TOOLS / 'series.py', *options, self.top,
             self.pristine, self.tree, build / 'series', build / 'work'],
            capture_output=True, text=True, check=False)

    def impact(self):
        return subprocess.run(
            [sys.executable, TOOLS / 'series.py', '--impact', self.top],
            capture_output=True, text=True, check=False)

    def read(self, name):
        return (self.tree / name).read_text()

    def stamp(self, name):
        return (self.tree / name).stat().st_mtime_ns


def tap(script, *options):
    """tap.py's exit status, its counts and what it printed, for a script."""
    with tempfile.NamedTemporaryFile('r') as counts:
        done = subprocess.run(
            [sys.executable, TOOLS / 'tap.py', '--counts', counts.name,
             *options, 'name', 'bash', '-c', script],
            capture_output=True, text=True, check=False)
        numbers = tuple(map(int, counts.read().split()))
    return done.returncode, numbers, done.stdout


def test_tap_counts(_):
    status, counts, text = tap(
        'echo 1..3; echo "ok 1 - a"; echo "ok 2 /b # SKIP no c"; echo ok 3')
    assert (status, counts) == (0, (2, 0, 1)), (status, counts)
    assert 'no c' in text


def test_tap_a_failed_case(_):
    assert tap('echo 1..2; echo ok; echo not ok 2 - b; exit 1')[:2] == \
        (3, (1, 1, 0))


def test_tap_a_crash(_):
    assert tap('echo 1..1; echo ok 1; kill -SEGV $$')[:2] == (3, (1, 1, 0))


def test_tap_an_early_end(_):
    assert tap('echo 1..2; echo ok 1')[:2] == (3, (1, 1, 0))
    assert tap('echo ok 1')[:2] == (3, (1, 1, 0))


def test_tap_a_status_without_a_failed_case(_):
    assert tap('echo 1..1; echo ok 1; exit 7')[:2] == (3, (1, 1, 0))


def test_tap_nothing_ran(_):
    assert tap('echo 1..0')[:2] == (3, (0, 1, 0))
    assert tap('echo "1..0 # SKIP no device"')[:2] == (0, (0, 0, 1))


def test_tap_bail_out_counts_once(_):
    assert tap('echo 1..2; echo "Bail out! x"; kill -ABRT $$')[:2] == \
        (3, (0, 1, 0))


def test_tap_subtests_say_nothing(_):
    assert tap('echo 1..1; echo "    not ok 1 - x"; echo ok 1')[:2] == \
        (0, (1, 0, 0))


def test_tap_a_hang_is_ended_with_its_children(_):
    token = f'600.{os.getpid()}'
    assert tap(f'echo 1..1; sleep {token} & sleep {token}; true',
               '--timeout', '2')[:2] == (3, (0, 1, 0))
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            assert path.read_bytes() != f'sleep\0{token}\0'.encode()
        except (FileNotFoundError, ProcessLookupError):
            pass


def test_tree_is_patched_and_linked(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW)
    assert project.sync().returncode == 0
    assert project.read('ui/one.c') == 'a\nb\nC\nd\ne\n'
    assert (project.tree / 'ui/new.c').resolve() == project.top / 'ui/new.c'
    assert not (project.tree / 'ui/old.c').exists()
    assert 'unpack_edk2_blobs = false' in project.read('meson.build')


def test_tree_keeps_what_did_not_change(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW)
    project.sync()
    before = {name: project.stamp(name)
              for name in ('ui/one.c', 'ui/two.c', 'meson.build')}
    project.patches(EDIT_ONE.format('X'), ADD_NEW)
    assert project.sync().stdout.splitlines()[0] == 'updated ui/one.c'
    assert project.read('ui/one.c') == 'a\nb\nX\nd\ne\n'
    for name in ('ui/two.c', 'meson.build'):
        assert project.stamp(name) == before[name], name


def test_tree_forgets_a_dropped_patch(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW)
    project.sync()
    project.patches(EDIT_ONE.format('C'))
    assert project.sync().returncode == 0
    assert not (project.tree / 'ui/new.c').is_symlink()
    for name in ('ui/old.c', 'ui/two.c'):
        assert project.read(name) == FILES[name], name


def test_tree_is_left_alone_by_a_patch_that_does_not_apply(project):
    project.patches(EDIT_ONE.format('C'))
    project.sync()
    project.patches(EDIT_ONE.format('X'),
                    ADD_NEW.replace('-2\n', '-other\n'))
    done = project.sync()
    assert done.returncode and '1.patch' in done.stderr, done.stderr
    assert project.read('ui/one.c') == 'a\nb\nC\nd\ne\n'


def test_tree_wants_exact_context(project):
    project.patches(EDIT_ONE.format('C').replace(' a\n', ' other\n'))
    assert project.sync().returncode


def test_tree_wants_added_files_to_be_new_and_there(project):
    for name in ('ui/two.c', 'ui/none.c'):
        project.patches(ADD_NEW.replace('ui/new.c', name))
        done = project.sync()
        assert done.returncode and name in done.stderr, done.stderr


def test_series_is_written(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW)
    project.sync()
    done = project.series()
    assert done.returncode == 0, done.stderr
    first, second = sorted((project.tree.parent / 'series').iterdir())
    assert 'Subject: [PATCH 1/2] ui/one: change it\n' in first.read_text()
    text = second.read_text()
    assert '+++ b/ui/new.c' in text and '--- a/ui/old.c' in text
    assert 'Adds:' not in text and 'Removes:' not in text
    assert 'Impact: none.' in text


def test_series_is_made_again(project):
    for text in ('C', 'X'):
        project.patches(EDIT_ONE.format(text), ADD_NEW)
        project.sync()
        done = project.series()
        assert done.returncode == 0, done.stderr


def test_series_must_be_what_is_built(project):
    project.patches(EDIT_ONE.format('C'))
    project.sync()
    project.patches(EDIT_ONE.format('X'))
    done = project.series()
    assert done.returncode and 'ui/one.c' in done.stderr, done.stderr


def test_series_passes_on_what_checkpatch_finds(project):
    project.patches(EDIT_ONE.format('BAD'))
    project.sync()
    done = project.series()
    assert done.returncode and 'ERROR' in done.stderr, done.stderr
    assert 'MAINTAINERS' not in done.stderr


def test_series_of_a_group_has_what_it_needs(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW,
                    groups=('fixes', 'performance'))
    project.sync()
    for group, count in (('fixes', 1), ('vgpu', 1), ('performance', 2)):
        done = project.series('--group', group)
        assert done.returncode == 0, done.stderr
        assert len(list((project.tree.parent / 'series').iterdir())) == count


def test_series_of_a_group_needs_no_other(project):
    more = EDIT_ONE.replace('+{}', '+x').replace('-c', '-C').format()
    project.patches(EDIT_ONE.format('C'), more,
                    groups=('vgpu', 'performance'))
    project.sync()
    assert project.series().returncode == 0
    done = project.series('--group', 'performance')
    assert done.returncode and '1.patch does not apply' in done.stderr


def test_series_names_no_file_too_early(project):
    # "new" is how meson.build names a test that is new.c.
    for name in ('new.c', 'new', '../ui/new.c'):
        project.patches(NAME_FILE.format(name), ADD_NEW,
                        groups=('fixes', 'vgpu'))
        project.sync()
        for options in ((), ('--group', 'fixes')):
            done = project.series(*options)
            assert done.returncode, (name, options)
            assert '0.patch: after it ui/meson.build names ui/new.c' in \
                done.stderr, done.stderr


def test_series_names_no_file_that_is_gone(project):
    project.patches(ADD_NEW, NAME_FILE.format('new.c'))
    project.sync()
    done = project.series()
    assert done.returncode and 'ui/old.c, which is' in done.stderr, done.stderr


def test_series_names_files_that_are_there(project):
    added = ADD_NEW.replace('Removes: ui/old.c\n', '')
    project.patches(added, NAME_FILE.format('new.c'))
    project.sync()
    done = project.series()
    assert done.returncode == 0, done.stderr


def test_groups_have_an_order_and_names(project):
    for groups in (('vgpu', 'fixes'), ('fixes', 'other')):
        project.patches(EDIT_ONE.format('C'), ADD_NEW, groups=groups)
        done = project.sync()
        assert done.returncode and '1.patch' in done.stderr, done.stderr


def test_series_tells_its_impact_by_group(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW, groups=('fixes', 'vgpu'))
    done = project.impact()
    assert done.stdout == ('fixes\n\n  ui/one: change it\n'
                           '      one is another.\n\n'
                           '1 more patches change nothing for anybody else.\n')


def test_series_needs_the_impact_of_each_patch(project):
    project.patches(EDIT_ONE.format('C').replace('Impact:', 'Is:'))
    project.sync()
    for done in (project.series(), project.impact()):
        assert done.returncode and '0.patch' in done.stderr, done.stderr


def test_base_has_patches_of_its_own(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW)
    project.base_file('fixes/1.patch', '---\n' + ADD_NEW.split('---\n')[1]
                      .replace('+new\n', '+base\n'))
    assert project.sync(BASE).returncode == 0
    assert project.read('ui/one.c') == 'a\nb\nC\nd\ne\n'
    assert project.read('ui/two.c') == '1\nbase\n3\n'
    # the message and its trailers are the common one's
    assert (project.tree / 'ui/new.c').is_symlink()
    done = project.series('--base', BASE)
    assert done.returncode == 0, done.stderr
    assert 'ui/new: add it' in (project.tree.parent / 'series' /
                                '0002-ui-new-add-it.patch').read_text()
    assert project.sync().returncode == 0
    assert project.read('ui/two.c') == '1\nnew\n3\n'


def test_base_may_say_it_in_other_words(project):
    project.patches(EDIT_ONE.format('C'))
    project.base_file('fixes/0.patch', EDIT_ONE.format('X')
                      .replace('ui/one: change it', 'ui/one: the rest'))
    assert read_stack(project.top, BASE)[0].subject == 'ui/one: the rest'
    assert read_stack(project.top)[0].subject == 'ui/one: change it'


def test_base_does_without_what_it_drops(project):
    project.patches(EDIT_ONE.format('C'), ADD_NEW)
    project.base_file('dropped', 'fixes/0.patch  # 0123456789 does it\n')
    assert project.sync(BASE).returncode == 0
    assert project.read('ui/one.c') == FILES['ui/one.c']
    project.base_file('fixes/0.patch', EDIT_ONE.format('X'))
    assert project.sync(BASE).returncode


def test_base_names_no_patch_that_is_not_there(project):
    project.patches(EDIT_ONE.format('C'))
    for name, text in (('fixes/9.patch', EDIT_ONE.format('X')),
                       ('dropped', 'fixes/9.patch\n')):
        project.base_file(name, text)
        done = project.sync(BASE)
        assert done.returncode and '9.patch' in done.stderr, done.stderr
        (project.top / 'patches' / BASE / name).unlink()
    assert project.sync(BASE).returncode == 0


def test_base_has_no_patch_that_is_the_common_one(project):
    project.patches(EDIT_ONE.format('C'))
    project.base_file('fixes/0.patch', EDIT_ONE.format('C')
                      .replace('@@ -1,5 +1,5 @@', '@@ -2,5 +2,5 @@ f(x)'))
    done = project.sync(BASE)
    assert done.returncode and '0.patch' in done.stderr, done.stderr


def test_bases_of_this_repository(_):
    for base in BASES:
        assert read_stack(TOP, base)


def run(test):
    with tempfile.TemporaryDirectory() as folder:
        test(Project(os.path.realpath(folder)))


def main():
    tests = [(name, test) for name, test in globals().items()
             if name.startswith('test_')]
    print(f'1..{len(tests)}', flush=True)
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        title = name.removeprefix('test_').replace('_', ' ')
        try:
            run(test)
            print(f'ok {number} - {title}', flush=True)
        except Exception:  # pylint: disable=broad-exception-caught
            failed += 1
            print(f'not ok {number} - {title}', flush=True)
            for line in traceback.format_exc().splitlines():
                print(f'# {line}', flush=True)
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()

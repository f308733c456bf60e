#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run one test program that speaks TAP, show its cases, count them.

usage: tap.py [--timeout S] [--counts FILE] [--log FILE] NAME COMMAND...

Shows a line for each case as it ends, and adds a line "PASSED FAILED
SKIPPED" to the counts file. A program that crashes, hangs, stops before its
plan is fulfilled or runs nothing at all counts as a failed case. Standard
error goes to the log, with everything else. Exit status 3 if one failed.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading

PLAN = re.compile(r'1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?', re.I)
CASE = re.compile(r'(not )?ok\b\s*(?:\d+)?\s*(?:-\s+)?(.*)')
DIRECTIVE = re.compile(r'(?<!\\)#\s*(skip|todo)\S*\s*(.*)', re.I)


class Results:
    """What the lines seen so far say."""

    def __init__(self, name):
        self.name = name
        self.planned = None
        self.passed = self.failed = self.skipped = 0
        self.bailed_out = False

    @property
    def ran(self):
        return self.passed + self.failed + self.skipped

    def line(self, text):
        """Take one line; a subtest's, which is indented, says nothing."""
        plan = PLAN.match(text)
        if plan:
            self._plan(int(plan[1]), plan[2])
        elif text.startswith('Bail out!'):
            self.bailed_out = True
            self.fault(text)
        elif CASE.match(text):
            self._case(*CASE.match(text).groups())

    def _plan(self, number, reason):
        self.planned = number
        if number == 0 and reason is not None:
            self.skipped += 1
            self._show('skip', f'everything: {reason}')

    def _case(self, bad, title):
        directive = DIRECTIVE.search(title)
        kind = directive[1].lower() if directive else ''
        if kind == 'skip' and not bad:
            self.skipped += 1
            self._show('skip', title)
        elif bad and kind != 'todo':
            self.fault(title)
        else:
            self.passed += 1
            self._show('ok', title)

    def fault(self, title):
        self.failed += 1
        self._show('FAIL', title)

    def end(self, status, timed_out):
        """The program has ended: is that all that was promised?"""
        if timed_out:
            self.fault(f'did not end within {timed_out} s and was killed')
        elif self.bailed_out:
            # Counted already, and what came after is no news.
            return
        elif status < 0:
            self.fault(f'killed by {signal.Signals(-status).name}')
        elif self.planned is None:
            self.fault(f'no plan: ended early, exit status {status}')
        elif self.planned and self.ran != self.planned:
            self.fault(f'ran {self.ran} of {self.planned} cases, '
                       f'exit status {status}')
        elif status and not self.failed:
            self.fault(f'exit status {status}')
        elif not self.ran:
            self.fault('ran nothing')

    def _show(self, verdict, title):
        print(f'{verdict:4} {self.name}: {title}', flush=True)


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def copy_errors(process, log):
    for line in process.stderr:
        log.write(line)


def run(arguments, log):
    """Run the program to its end; returns its results."""
    results = Results(arguments.name)
    process = subprocess.Popen(
        arguments.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, errors='replace', start_new_session=True)
    expired = threading.Event()

    def expire():
        expired.set()
        kill_group(process)

    timer = threading.Timer(arguments.timeout, expire)
    timer.daemon = True
    timer.start()
    errors = threading.Thread(target=copy_errors, args=(process, log))
    errors.start()
    # A session of its own: Ctrl-C does not reach it, so pass it on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for line in process.stdout:
            log.write(line)
            results.line(line.rstrip('\n'))
        status = process.wait()
        # What the program may have left behind holds the pipe no longer.
        kill_group(process)
        errors.join()
    except (KeyboardInterrupt, SystemExit):
        stop(process)
        raise
    finally:
        timer.cancel()
    results.end(status, arguments.timeout if expired.is_set() else 0)
    return results


def stop(process):
    """End the program politely, so that it can end what it started."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=20)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    kill_group(process)


def show_log_end(path):
    with open(path, encoding='utf-8', errors='replace') as log:
        tail = log.readlines()[-40:]
    # At once: other programs may run side by side with this one.
    text = ''.join(tail)
    print(f'--- the end of {path}\n{text}---', flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--timeout', type=int, default=1800)
    parser.add_argument('--counts', default='/dev/null')
    parser.add_argument('--log', default='/dev/null')
    parser.add_argument('name')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with open(arguments.log, 'w', encoding='utf-8', buffering=1) as log:
        try:
            results = run(arguments, log)
        except KeyboardInterrupt:
            sys.exit(130)
        except OSError as error:
            results = Results(arguments.name)
            results.fault(f'cannot be run: {error}')
    with open(arguments.counts, 'a', encoding='utf-8') as counts:
        print(results.passed, results.failed, results.skipped, file=counts)
    if results.failed:
        if os.path.isfile(arguments.log):
            show_log_end(arguments.log)
        sys.exit(3)


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps that Hypothesis chooses, and shortens when one fails.

The rules only choose arguments; what a step does is in session.py.
"""

import contextlib
import dataclasses
import random
import time

import hypothesis
from hypothesis import stateful, strategies as st
from hypothesis.stateful import initialize, precondition, rule

from . import health, replay, software
from .model import Config
from .patterns import FORMATS, MODES
from .session import PAGES, Session

STEPS = 60
# Until what must be on screen is there; when a failure is being shortened it
# is waited for often.
_PATIENCE_S, _PATIENCE_SHORTENING_S, _SHORTENING_S = 20.0, 3.0, 120

# Hypothesis begins with sequences not much longer than the shortest one.
_BALLAST = st.lists(st.just(0) | st.just(1), min_size=150, max_size=150)

_PLACE = st.tuples(st.integers(-40, 800), st.integers(-40, 600))
_PART = st.integers(0, 255)
_FLAG = st.integers(0, 1)


def seed(full):
    """What Hypothesis begins with: the same each time in a short run."""
    return random.randrange(1 << 32) if full else 1


def say(text):
    """A comment in TAP."""
    print("#", text, flush=True)


class _Over(BaseException):
    """No more sequences: a failure, or the time is over."""


class Run:
    """What a run of sequences is made of, and what came of it.

    failure: the steps of the sequence that failed, at last the shortest.
    """

    def __init__(self, make_device, configs):
        """configs: a Hypothesis strategy for Config's arguments."""
        self.make_device = make_device
        self.configs = configs
        self.worst = health.Worst()
        self.sequences = 0
        self.steps = 0
        self.kinds = {}
        self.failure = None
        self.error = None
        self.again = False
        self.ends = None

    def session(self, patience=_PATIENCE_S):
        return Session(self.make_device, patience, self.worst)

    def shorten(self):
        """Does what failed again and again, with ever fewer steps."""
        say(f"It failed by: {self.error}")
        steps, error = replay.shorten(
            lambda: self.session(_PATIENCE_SHORTENING_S), self.failure,
            _SHORTENING_S)
        self.failure, self.error = steps, error or self.error
        self.again = error is not None

    def tell(self):
        """What came of it, as TAP's comments."""
        kinds = ", ".join(f"{count} {name}"
                          for name, count in sorted(self.kinds.items()))
        say(f"{self.sequences} sequences, {self.steps} steps: {kinds}")
        say(f"at most {self.worst.answer_s * 1000:.0f} ms for an answer, "
            f"{self.worst.files} files and {self.worst.kib} KiB more")
        if self.failure:
            say("A sequence that failed" + (
                "" if self.again else ", and did not when run again") + ":")
            for step in self.failure:
                say(replay.format_step(*step))


def _can(name, /, **arguments):
    """The step is possible whatever its other arguments are."""
    return precondition(lambda self: self.session.can(name, **arguments))


class Steps(stateful.RuleBasedStateMachine):
    """One sequence. run is set by make()."""

    run = None

    def __init__(self):
        super().__init__()
        self.session = self.run.session()
        self.steps = []

    def teardown(self):
        self.session.close()

    def _note(self, name, arguments):
        self.steps.append((name, arguments))
        self.run.steps += 1
        self.run.kinds[name] = self.run.kinds.get(name, 0) + 1

    def _try(self, function):
        try:
            function()
        except Exception as error:
            self.run.failure, self.run.error = self.steps, error
            raise _Over from error

    def _do(self, name, /, **arguments):
        """A step, if it is possible; otherwise nothing."""
        if not self.session.can(name, **arguments):
            return
        if not self.steps:
            self._note("start", dataclasses.asdict(self.session.model.config))
            self.run.sequences += 1
            self._try(self.session.start)
        self._note(name, arguments)
        self._try(lambda: self.session.do(name, **arguments))

    def _with_picture(self, name, /, **arguments):
        """A step that needs a picture, which it gets first where none is."""
        if self.session.model.page is None:
            self._do("mode", page=0, mode=1, fourcc=0, padding=0, identity=0)
        self._do(name, **arguments)

    @initialize(data=st.data())
    def start(self, data):
        """QEMU starts with the first step: Hypothesis tries many without."""
        if time.monotonic() > self.run.ends:
            raise _Over
        data.draw(_BALLAST)
        self.session.prepare(Config(**data.draw(self.run.configs)))

    @rule(page=st.integers(0, PAGES - 1),
          mode=st.integers(0, len(MODES) - 1),
          fourcc=st.integers(0, len(FORMATS) - 1), padding=_FLAG,
          identity=st.integers(0, 2))
    @_can("mode")
    def mode(self, **arguments):
        self._do("mode", **arguments)

    @rule(page=st.integers(0, PAGES - 1))
    def flip(self, page):
        self._do("flip", page=page)

    @rule(rects=st.lists(st.tuples(_PART, _PART, _PART, _PART), min_size=1,
                         max_size=4), gray=st.integers(1, 255))
    @_can("guest")
    def draw(self, **arguments):
        self._with_picture("draw", **arguments)

    @rule(pages=st.lists(st.integers(0, PAGES - 1), min_size=1, max_size=6))
    @_can("guest")
    def flips(self, pages):
        """Most of what guests do."""
        for page in pages:
            self._with_picture("flip", page=page)

    @rule(page=st.integers(0, PAGES - 1),
          mode=st.integers(0, len(MODES) - 1), identity=st.integers(0, 2))
    @_can("mode")
    def another_mode(self, **arguments):
        """As a guest's driver does, with its plane off for a moment."""
        self._do("off")
        self._do("mode", fourcc=0, padding=0, **arguments)

    @rule()
    @_can("off")
    def off(self):
        self._do("off")

    @rule()
    @_can("on")
    def on(self):
        self._do("on")

    @rule(reported=_FLAG)
    @_can("report")
    def report(self, reported):
        self._do("report", reported=reported)

    @rule(number=st.integers(0, 3), size=st.sampled_from((16, 32, 64)),
          hot=st.tuples(st.integers(0, 64), st.integers(0, 64)),
          place=_PLACE)
    def cursor(self, **arguments):
        self._do("cursor", **arguments)

    @rule()
    @_can("cursor_off")
    def cursor_off(self):
        self._do("cursor_off")

    @rule(number=_PART, place=_PLACE)
    @_can("overlay")
    def overlay(self, **arguments):
        self._do("overlay", **arguments)

    @rule()
    @_can("overlay_off")
    def overlay_off(self):
        self._do("overlay_off")

    @rule(data=st.data())
    @_can("off")
    def fault(self, data):
        self._do("fault", name=data.draw(self._faults()))

    def _faults(self):
        kind = self.session.model.config.kind
        return st.sampled_from([
            name for name, fault in self.run.make_device.faults.items()
            if kind in fault.kinds])

    @rule(data=st.data())
    @_can("guest")
    def spell(self, data):
        """A fault that does not last; until then somebody may come."""
        self._with_picture("fault", name=data.draw(self._faults()))
        for _ in range(data.draw(st.integers(0, 2))):
            self.come(data.draw(st.integers(0, 11)))
        self._do("repair")

    @rule(left=_PART)
    @_can("guest")
    def cut(self, left):
        self._do("cursor_off")
        self._do("overlay_off")
        self._with_picture("cut", left=left)

    @rule(word=st.integers(0, 99),
          value=st.sampled_from((0, 1, 0x7fffffff, 0xffffffff)))
    @_can("guest")
    def lie(self, **arguments):
        self._with_picture("lie", **arguments)

    @rule()
    @_can("repair")
    def repair(self):
        self._do("repair")

    @rule(call=st.sampled_from((software.QUERY, software.GET)),
          count=st.integers(1, 5))
    def hiccup(self, **arguments):
        self._do("hiccup", **arguments)

    @rule(muted=_FLAG)
    @_can("mute")
    def mute(self, muted):
        self._do("mute", muted=muted)

    @rule(rate=st.sampled_from((0, 1, 20000)))
    @_can("storm")
    def storm(self, rate):
        self._do("storm", rate=rate)

    @rule()
    @_can("reset")
    def reset(self):
        self._do("reset")

    @rule()
    @_can("unplug")
    def unplug(self):
        self._do("unplug")

    @rule()
    @_can("plug")
    def plug(self):
        self._do("plug")

    @rule()
    @_can("stop")
    def stop(self):
        self._do("stop")

    @rule()
    @_can("cont")
    def cont(self):
        self._do("cont")

    @rule()
    @_can("migrate")
    def migrate(self):
        self._do("migrate")

    @rule(milliseconds=st.sampled_from(
        (20, 20, 50, 50, 150, 150, 600, 1200, 2500)))
    def rest(self, milliseconds):
        self._do("rest", milliseconds=milliseconds)

    @rule(how=st.sampled_from(("qmp", "qmp-device", "hmp")))
    def dump(self, how):
        self._do("dump", how=how)

    @rule(number=st.integers(0, 11))
    def come(self, number):
        offers = self.session.offers
        self._do("come", name=offers[number % len(offers)])

    @rule(number=st.integers(0, 2))
    @_can("leave", number=0)
    def leave(self, number):
        self._do("leave", number=number)

    @rule(number=st.integers(0, 2))
    def stop_reading(self, number):
        self._do("stop_reading", number=number)

    @rule(number=st.integers(0, 2))
    def read_again(self, number):
        self._do("read_again", number=number)

    @rule(number=st.integers(0, 2), sizes=st.lists(
        st.tuples(st.integers(320, 2000), st.integers(200, 1200)),
        min_size=1, max_size=4))
    @_can("resize", number=0)
    def resize(self, **arguments):
        self._do("resize", **arguments)


def run_for(run, seconds, seed):
    """Sequences until that time is over or one fails, which is raised.

    Hypothesis only makes the steps: its own way to shorten them takes a
    sequence's time for each of hundreds of tries.
    """
    say(f"VGPU_TEST_SEED={seed}")
    run.ends = time.monotonic() + seconds
    settings = hypothesis.settings(
        max_examples=1000000, stateful_step_count=STEPS, deadline=None,
        database=None, suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate,))
    machine = hypothesis.seed(seed)(type("Steps", (Steps,), {"run": run}))
    # Hypothesis wonders why a sequence that it knows ends early this time.
    with contextlib.suppress(_Over, hypothesis.errors.Flaky):
        stateful.run_state_machine_as_test(machine, settings=settings)
    assert run.failure or time.monotonic() > run.ends, "it ended by itself"
    if run.failure:
        run.shorten()
    run.tell()
    if run.error:
        raise run.error

# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps that Hypothesis chooses, and shortens when one fails.

The rules only choose arguments; what a step does is in session.py.
"""

import random
import time

import hypothesis
from hypothesis import stateful, strategies as st
from hypothesis.stateful import initialize, precondition, rule

from . import replay, software
from .model import Config
from .patterns import FORMATS, MODES
from .session import PAGES, Session
from .viewers import VIEWERS

STEPS = 50
# Until what must be on screen is there; when a failure is being shortened it
# is waited for often.
_PATIENCE_S, _PATIENCE_SHORTENING_S = 20.0, 4.0

_PLACE = st.tuples(st.integers(-40, 800), st.integers(-40, 600))
_PART = st.integers(0, 255)
_FLAG = st.integers(0, 1)


class Run:
    """What a run of sequences is made of, and what came of it.

    failure: steps of the shortest sequence that failed.
    """

    def __init__(self, make_device, configs, mended=False):
        """configs: a Hypothesis strategy for Config's arguments."""
        self.make_device = make_device
        self.configs = configs
        self.mended = mended
        self.worst = None
        self.sequences = 0
        self.steps = 0
        self.kinds = {}
        self.failure = None
        self.error = None
        self.ends = None

    def session(self):
        patience = _PATIENCE_SHORTENING_S if self.failure else _PATIENCE_S
        return Session(self.make_device, patience, self.worst, self.mended)

    def failed(self, steps, error):
        if self.failure is None or len(steps) <= len(self.failure):
            self.failure, self.error = list(steps), error

    def is_over(self):
        """No more sequences; a failure is shortened first."""
        return self.failure is None and time.monotonic() > self.ends


def _can(name, **arguments):
    """The step is possible whatever its other arguments are."""
    return precondition(lambda self: self.session.can(name, **arguments))


class Steps(stateful.RuleBasedStateMachine):
    """One sequence. run is set by make()."""

    run = None

    def __init__(self):
        super().__init__()
        self.session = self.run.session()
        self.steps = []
        self.run.sequences += 1

    def teardown(self):
        self.session.close()

    def _note(self, name, arguments):
        self.steps.append(replay.format_step(name, arguments))
        self.run.steps += 1
        self.run.kinds[name] = self.run.kinds.get(name, 0) + 1

    def _try(self, function):
        try:
            function()
        except Exception as error:
            self.run.failed(self.steps, error)
            raise

    def _do(self, name, **arguments):
        """A step, if it is possible; otherwise nothing."""
        if self.session.can(name, **arguments):
            self._note(name, arguments)
            self._try(lambda: self.session.do(name, **arguments))

    @initialize(data=st.data())
    def start(self, data):
        if self.run.is_over():
            hypothesis.reject()
        arguments = data.draw(self.run.configs)
        self._note("start", arguments)
        self._try(lambda: self.session.start(Config(**arguments)))

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
    @_can("draw")
    def draw(self, **arguments):
        self._do("draw", **arguments)

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
        kind = self.session.model.config.kind
        self._do("fault", name=data.draw(st.sampled_from([
            name for name, fault in self.session.device.faults.items()
            if kind in fault.kinds])))

    @rule(left=_PART)
    @_can("cut")
    def cut(self, left):
        self._do("cut", left=left)

    @rule(word=st.integers(0, 99),
          value=st.sampled_from((0, 1, 0x7fffffff, 0xffffffff)))
    @_can("lie")
    def lie(self, **arguments):
        self._do("lie", **arguments)

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

    @rule(milliseconds=st.sampled_from((20, 150, 1200, 2500)))
    def rest(self, milliseconds):
        self._do("rest", milliseconds=milliseconds)

    @rule(how=st.sampled_from(("qmp", "qmp-device", "hmp")))
    def dump(self, how):
        self._do("dump", how=how)

    @rule(name=st.sampled_from(sorted(VIEWERS)))
    def come(self, name):
        self._do("come", name=name)

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

    @rule(number=st.integers(0, 2), width=st.integers(320, 2000),
          height=st.integers(200, 1200))
    @_can("resize", number=0)
    def resize(self, **arguments):
        self._do("resize", **arguments)


def run_for(run, seconds, seed):
    """Sequences until that time is over or one fails, which is raised.

    run: a Run, which has the failure's shortest sequence afterwards.
    """
    run.ends = time.monotonic() + seconds
    chance = random.Random(seed)
    settings = hypothesis.settings(
        max_examples=50, stateful_step_count=STEPS, deadline=None,
        database=None, report_multiple_bugs=False, print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink))
    while time.monotonic() < run.ends:
        steps = hypothesis.seed(chance.randrange(1 << 64))(
            type("Steps", (Steps,), {"run": run}))
        stateful.run_state_machine_as_test(steps, settings=settings)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What must be on screen after the steps so far, without asking QEMU.

A Model is told what the guest and the device do. It knows no QEMU and no
viewer, and answers which pictures are right.
"""

import dataclasses

from ..picture import Picture

# In the place of a picture: text on black, of any size.
WORDS = "words"


def has_words(pictures):
    return any(picture is WORDS for picture in pictures)


@dataclasses.dataclass(frozen=True)
class Config:
    """A device and the display beside VNC; what a sequence starts with.

    kind: of the vGPU, as vgpu-sw's x-kind. irq: it signals changes. display:
    of QEMU's, by the name in viewers.py. shown: there is a picture, and a
    viewer of it, from the start.
    """

    kind: str = "dmabuf"
    irq: bool = False
    display: str = "none"
    shown: bool = False

    @property
    def has_dmabuf(self):
        return self.kind in ("dmabuf", "both", "all")

    @property
    def hands_over(self):
        """Whether viewers may be given the device's dma-bufs."""
        return self.display.endswith("-gl") and self.has_dmabuf

    @property
    def has_cursor(self):
        return self.kind != "region"

    @property
    def has_metadata(self):
        return self.kind in ("metadata", "all")


# What is on screen while a fault lasts.
KEPT = "kept"           # the last good picture
LEAVING = "leaving"     # that for a moment, then words
NOTHING = "nothing"     # words at once
SHOWN = "shown"         # the guest's picture, by another path
UNKNOWN = "unknown"     # the device lies in a way that cannot be noticed


@dataclasses.dataclass(frozen=True)
class Cursor:
    """Pixels are 0xAARRGGBB, row by row; hot is the place of its tip."""

    width: int
    height: int
    pixels: tuple
    hot: tuple
    place: tuple


def paste(below, image, left, top):
    """A picture with an opaque one over it, which may stick out anywhere."""
    rgb = bytearray(below.rgb)
    first, last = max(0, -left), min(image.width, below.width - left)
    for y in range(max(0, -top), min(image.height, below.height - top)):
        if first < last:
            at = 3 * ((top + y) * below.width + left + first)
            rgb[at:at + 3 * (last - first)] = image.row(y)[3 * first:3 * last]
    return Picture(below.width, below.height, rgb)


class Model:
    """The guest's registers and memory, and what QEMU may show of it."""

    def __init__(self, config):
        self.config = config
        self.running = True
        self.forget_device()

    def forget_device(self):
        """A new device: nothing was ever on, its memory holds nothing."""
        self.plugged = True
        self.reset()

    def reset(self):
        """Registers are as new, and no old frame may be seen."""
        self.pages = {}             # pictures in the layout that is set
        self.page = None            # None: the plane is off
        self.automatic = True       # the buffer's id
        self.overlay = None         # (Picture, left, top)
        self.cursor = None
        self.fault = None
        self.muted = False          # changes are not signalled
        self.reported = False       # what was drawn is told
        self._possible = [WORDS]

    def unplug(self):
        self.plugged = False
        self.reset()

    def move(self):
        """To another QEMU, which has seen no frame so far."""
        self._possible = [WORDS]
        self._note()

    # What the guest does

    def show(self, page, picture, automatic=True):
        """A page with that picture is on screen."""
        self.pages[page] = picture
        self.page = page
        self.automatic = automatic
        self._note()

    def change(self, page, picture):
        """A page holds another picture, whether it is on screen or not."""
        self.pages[page] = picture
        self._note()

    def flip(self, page):
        self.page = page
        self._note()

    def turn_off(self):
        self.page = None
        self._note()

    def set_overlay(self, overlay):
        self.overlay = overlay
        self._note()

    def fail(self, fault):
        """From now on the device is at fault; see faults.py."""
        self.fault = fault
        self._note()

    def recover(self):
        self.fault = None
        self._note()

    # What is right

    @property
    def shown(self):
        """The picture in the page that is on screen."""
        return self.pages[self.page]

    def frame(self):
        """What the guest has on screen; None: nothing."""
        if self.page is None:
            return None
        if self.overlay is None:
            return self.shown
        return paste(self.shown, *self.overlay)

    def outcome(self):
        """Which of KEPT to UNKNOWN holds."""
        if self.fault is not None:
            return self.fault.outcome
        return SHOWN if self.page is not None else LEAVING

    def allowed(self):
        """Pictures of which every viewer must show one; None: any."""
        outcome = self.outcome()
        if outcome == UNKNOWN:
            return None
        if outcome == SHOWN:
            return [self.frame()]
        if outcome == NOTHING:
            return [WORDS]
        if outcome == LEAVING and not has_words(self._possible):
            return [*self._possible, WORDS]
        return self._possible

    def _note(self):
        """What QEMU may take next, if it looks, beside what it has."""
        outcome = self.outcome()
        if outcome == SHOWN:
            self._add(self.frame())
        elif outcome == NOTHING:
            self._add(WORDS)

    def _add(self, picture):
        if not any(one is picture for one in self._possible):
            self._possible.append(picture)

    def seen(self, picture, surely=False):
        """Somebody was shown that one of those allowed.

        surely: by a screendump, while a viewer may lag behind.
        """
        if surely or self.outcome() in (SHOWN, NOTHING):
            self._possible = [picture]

    def cursor_is_known(self):
        """Whether viewers must show the cursor as it is."""
        return (self.fault is None and self.page is not None
                and self.config.has_cursor)

# SPDX-License-Identifier: GPL-2.0-or-later
"""How a case says that it cannot run."""


class Skip(Exception):
    """This case cannot run here; the message says why."""

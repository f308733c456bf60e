# SPDX-License-Identifier: GPL-2.0-or-later
"""Real viewers, each in its own process or thread."""

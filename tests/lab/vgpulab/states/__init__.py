# SPDX-License-Identifier: GPL-2.0-or-later
"""A test that makes its own sequences of steps; see states/steps.py."""

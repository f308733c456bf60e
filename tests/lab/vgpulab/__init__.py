# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab tests are made of."""

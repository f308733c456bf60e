# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which the lab is booted for the tests.

./vgpu test boots the lab once for each, with these kernel arguments.
"""

BOOTS = {
    # Planes over the picture on the virtual monitor, too.
    # One of its modes is faster than others.
    "default": ["vkms.enable_overlay=1", "video=Virtual-1:320x240@200"],
    # The unmodified driver's dma-bufs: read-only, so not mappable.
    "rdonly": ["mbochs.export_rdwr=0"],
    # A monitor whose only plane is the picture's.
    "one-plane": ["vkms.enable_cursor=0"],
}

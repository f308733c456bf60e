#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu demo [--vnc]: a Linux guest's screen on a real vfio mediated device.
# Writes demo.png; with --vnc the guest stays, for a viewer on 127.0.0.1:5900.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/lab/guest.sh"

VNC_PORT=5900

lab=(--timeout 600)
demo=()
case "$*" in
"") ;;
--vnc)
    # The lab's address as slirp4netns knows it, and no time limit.
    lab=(--timeout inf --forward "$VNC_PORT:5900")
    demo=(--vnc 10.0.2.100:0 --vnc-address "127.0.0.1:$VNC_PORT")
    ;;
*) die "usage: ./vgpu demo [--vnc]" ;;
esac

lock_build
bash "$VGPU_TOP/scripts/vgpu/cmd-build.sh"
bash "$VGPU_TOP/scripts/vgpu/cmd-lab.sh" --build-only
guest_build
unlock_build

say "booting the lab"
exec bash "$VGPU_TOP/scripts/vgpu/cmd-lab.sh" "${lab[@]}" -- \
    python3 "$VGPU_TOP/scripts/vgpu/demo.py" \
    --qemu "$VGPU_BUILD/bin/qemu-system-x86_64" \
    --kernel "$GUEST_KERNEL" --initramfs "$GUEST_INITRAMFS" \
    --output "$PWD/demo.png" "${demo[@]}"

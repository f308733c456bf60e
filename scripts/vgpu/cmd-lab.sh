#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu lab [--kernel-arg ARG]... [--timeout S] -- COMMAND...
#
# Runs COMMAND as root under the lab's kernel. Exits with COMMAND's status;
# 124 when the time limit ended it, 125 when the lab itself failed.
#
# For other commands of ./vgpu: --forward HOSTPORT:PORT makes 127.0.0.1:HOSTPORT
# of this machine lead to PORT in the lab (at 10.0.2.100); --memory MIB.
# "./vgpu lab --build-only" makes the kernel and stops.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/lab/kernel.sh"

LAB_RUN_PACKAGES=(busybox-static python3 util-linux mount)

usage() {
    echo "usage: ./vgpu lab [--kernel-arg ARG]... [--timeout S] -- COMMAND..."
}

case " $* " in
"  ") usage >&2 && exit 2 ;;
" -h " | " --help ") usage && exit 0 ;;
*" --forward"*) LAB_RUN_PACKAGES+=(slirp4netns) ;;
esac

need_packages "${LAB_RUN_PACKAGES[@]}"
# A lab whose kernel is there does not wait for somebody else's build.
if ! lab_kernel_current; then
    lock_build
    lab_kernel_build
    unlock_build
fi
[[ $* != --build-only ]] || exit 0

exec python3 "$VGPU_TOP/scripts/vgpu/lab.py" --kernel "$LAB_KERNEL" \
    --init "$VGPU_TOP/lab/init" "$@"

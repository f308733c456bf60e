#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu build [--base BASE]: the emulator, build/bin/qemu-system-x86_64, or
# build/BASE/bin/qemu-system-x86_64.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/qemu.sh"

qemu_take_base "$@"
((${#arguments[@]} == 0)) || die "usage: ./vgpu build [--base BASE]"

lock_build
qemu_build
say "built ${QEMU_BINARY#"$PWD"/}"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu mesa COMMAND...: runs COMMAND with a Mesa that imports dma-bufs in
# software (mesa.sh). Without a command, prints what a shell has to evaluate
# for that: eval "$(./vgpu mesa)".

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/mesa.sh"

lock_build
need_mesa
unlock_build

mapfile -t variables <"$MESA_ENV"
(($# == 0)) || exec env "${variables[@]}" "$@"
printf 'export %q\n' "${variables[@]}"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu bench: stock QEMU and ours in turn, and what the memory can do. Writes
# build/bench/results.json, report.md, plot.svg and plot.png.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/qemu.sh"
. "$VGPU_TOP/scripts/vgpu/mesa.sh"

BENCH_PACKAGES=(python3 python3-matplotlib busybox-static)
BENCH_TREE=$VGPU_BUILD/unit

_bench_compile() {
    [[ -f $BENCH_TREE/build.ninja ]] || meson setup "$BENCH_TREE" "$VGPU_TOP"
    ninja -C "$BENCH_TREE" -j "$VGPU_JOBS" tests/bench/copy-pass
}

case " $* " in
*" -h "* | *" --help "* | *" --list "*)
    exec /usr/bin/python3 "$VGPU_TOP/tests/bench/bench.py" "$@"
    ;;
esac

mapfile -t packages < <(sed 's/#.*//' "$VGPU_TOP/tests/lab/packages.txt" |
    xargs -n 1)
need_packages "${BENCH_PACKAGES[@]}" "${packages[@]}"
lock_build
need_mesa
qemu_build
qemu_build_stock
bash "$VGPU_TOP/scripts/vgpu/cmd-lab.sh" --build-only
packaged=
if [[ " $* " != *" --quick "* ]] && qemu_packaged; then
    packaged=$QEMU_PACKAGED_BINARY
fi
run_step bench-build "building the benchmarks" _bench_compile
unlock_build

exec /usr/bin/python3 "$VGPU_TOP/tests/bench/bench.py" \
    --ours "$QEMU_BINARY" --stock "$QEMU_STOCK_BINARY" \
    --packaged "$packaged" \
    --copy-pass "$BENCH_TREE/tests/bench/copy-pass" \
    --readback "$QEMU_OUT/tests/unit/test-gl-readback-egl" "$@"

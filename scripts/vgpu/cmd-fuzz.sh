#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu fuzz [SECONDS] [TARGET]...: inputs that nobody thought of, for what
# believes no device, with libFuzzer under ASan and UBSan (tests/fuzz):
#
#   metadata  the reader of the metadata page
#   plane     the checks of a plane's description, and the copy
#   windows   virtio-gpu-wayland's connections: what a guest submits
#   display   the whole display core, with QEMU's own console and main loop
#
# SECONDS (default 60) is for all targets together. What was found useful
# stays in build/fuzz/corpus for the next time; an input that fails is left in
# build/fuzz/failed, and build/fuzz/fuzz-TARGET FILE runs it again.
#
# Speaks TAP: one case for each target.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/qemu.sh"

FUZZ_OUT=$VGPU_BUILD/fuzz
FUZZ_PACKAGES=(ccache pkgconf python3 libglib2.0-dev libpixman-1-dev
    libdrm-dev libxxhash-dev)
TARGETS=(metadata plane windows display)

# The library's own frames are of no use, so -O1 and frame pointers.
FUZZ_FLAGS=(-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
    -g -O1 -fno-omit-frame-pointer
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)

declare -A SOURCES=(
    [metadata]="hw/display/vfio-metadata.c hw/display/vfio-plane.c
        ui/pixel-format.c"
    [plane]="hw/display/vfio-plane.c ui/pixel-format.c ui/mirror-layer.c
        ui/mirror-bounce.c ui/damage-map.c ui/guarded-read.c"
    [windows]="hw/display/cross-domain-*.c"
    # With the console that viewers and screendumps meet at, and what of QEMU
    # the sanitizers or our clock have to know. The rest is linked as it is.
    [display]="hw/display/vfio-display*.c hw/display/vfio-metadata.c
        hw/display/vfio-plane*.c hw/display/edid-generate.c
        ui/console.c ui/console-mirror.c ui/mirror-bounce.c
        ui/mirror-layer.c ui/mirror-overlays.c ui/damage-log.c ui/damage-map.c
        ui/guarded-read.c ui/pixel-format.c ui/pixel-path.c
        ui/refresh-policy.c ui/dmabuf-map.c ui/dmabuf.c ui/cursor.c
        ui/frame-holds.c
        ui/qemu-pixman.c util/qemu-timer.c util/coroutine-ucontext.c"
)
# The monitor's side of the display is of no use without a monitor.
FUZZ_LEFT_OUT=(vfio-display-stubs.c vfio-display-info.c)

# Nothing useful is short: a device has to be there first.
declare -A OPTIONS=([display]=-len_control=0)

# fuzz_files TREE TARGET: the target's sources there, one a line
fuzz_files() {
    local pattern file
    for pattern in ${SOURCES[$2]}; do
        for file in "$1"/$pattern; do
            [[ " ${FUZZ_LEFT_OUT[*]} " == *" ${file##*/} "* ]] ||
                echo "$file"
        done
    done
}

# fuzz_link TARGET FLAG... -- FILE... -- LIBRARY...: compiles and links
fuzz_link() {
    local target=$1 flags=() files=() file
    local objects=$FUZZ_OUT/objects/$target
    shift
    while [[ $1 != -- ]]; do flags+=("$1") && shift; done
    shift
    while [[ $1 != -- ]]; do files+=("$1") && shift; done
    shift
    rm -rf "$objects"
    mkdir -p "$objects"
    for file in "${files[@]}"; do
        printf '%s\0' "$file"
    done | xargs -0 -P "$VGPU_JOBS" -I '{}' sh -c '
        file=$1 objects=$2; shift 2
        exec ccache clang "$@" -c "$file" \
            -o "$objects/$(basename "$file" .c).o"' \
        sh '{}' "$objects" "${FUZZ_FLAGS[@]}" "${flags[@]}"
    clang -fsanitize=fuzzer,address,undefined \
        -o "$FUZZ_OUT/fuzz-$target" "$objects"/*.o "$@"
}

# The pure files: with the stand-ins of the unit tests, without QEMU.
_fuzz_compile_pure() {
    local flags files libraries
    mapfile -t files < <(fuzz_files "$VGPU_TOP" "$1")
    read -r -a flags < <(pkgconf --cflags glib-2.0 pixman-1 libdrm libxxhash)
    read -r -a libraries < <(pkgconf --libs glib-2.0 pixman-1 libxxhash)
    flags+=(-DCONFIG_XXHASH)
    fuzz_link "$1" -I "$VGPU_TOP/tests/unit/include" -I "$VGPU_TOP/include" \
        -I "$VGPU_TOP" -I "$VGPU_TOP/tests/fuzz" "${flags[@]}" -- \
        "$VGPU_TOP/tests/fuzz/fuzz-$1.c" "${files[@]}" -- "${libraries[@]}"
}

# The core: in QEMU's tree and with its headers, as QEMU is built.
_fuzz_compile_display() {
    local flags files libraries
    mapfile -t files < <(fuzz_files "$QEMU_TREE" display)
    read -r -a flags < <(pkgconf --cflags glib-2.0 pixman-1)
    read -r -a libraries < <(pkgconf --libs glib-2.0 gio-2.0 gmodule-2.0 \
        pixman-1 libxxhash)
    fuzz_link display -fno-strict-aliasing -fno-common -fwrapv \
        -isystem "$QEMU_TREE/linux-headers" -iquote "$QEMU_OUT" \
        -iquote "$QEMU_TREE" -iquote "$QEMU_TREE/include" \
        -iquote "$QEMU_TREE/host/include/x86_64" \
        -iquote "$QEMU_TREE/host/include/generic" \
        -iquote "$VGPU_TOP/tests/fuzz" "${flags[@]}" \
        -Dclock_gettime=fuzz_clock_gettime -- \
        "$VGPU_TOP"/tests/fuzz/{fuzz-display,display-*}.c "${files[@]}" -- \
        "$QEMU_OUT"/libqom.a.p/*.o "$QEMU_OUT/libqemuutil.a" \
        "${libraries[@]}" -lm -lz -pthread
}

_fuzz_compile() {
    local target
    for target; do
        case $target in
        display) _fuzz_compile_display ;;
        *) _fuzz_compile_pure "$target" ;;
        esac
    done
    python3 "$VGPU_TOP/tests/fuzz/seeds.py" "$FUZZ_OUT/seeds"
}

# fuzz_run TARGET SECONDS: one target's time; its last words on a failure
fuzz_run() {
    local target=$1 corpus=$FUZZ_OUT/corpus/$1
    local log=$VGPU_LOGS/fuzz-$1.log
    mkdir -p "$corpus" "$FUZZ_OUT/failed"
    if ! UBSAN_OPTIONS=print_stacktrace=1 "$FUZZ_OUT/fuzz-$target" \
        -max_total_time="$2" -timeout=60 -rss_limit_mb=2048 -max_len=1024 \
        ${OPTIONS[$target]:+"${OPTIONS[$target]}"} -print_final_stats=1 \
        -artifact_prefix="$FUZZ_OUT/failed/$target-" \
        "$corpus" "$FUZZ_OUT/seeds/$target" >"$log" 2>&1; then
        sed -n '/ERROR\|runtime error/,$p' "$log" | head -n 40 | sed 's/^/# /'
        sed -n 's/^artifact_prefix=/# /p' "$log"
        return 1
    fi
    sed -n 's/^stat::number_of_executed_units: */# inputs: /p' "$log"
}

usage() {
    die "usage: ./vgpu fuzz [SECONDS] [${TARGETS[*]}]..."
}

seconds=60
if [[ ${1:-} =~ ^[1-9][0-9]*$ ]]; then
    seconds=$1
    shift
fi
for target; do
    [[ " ${TARGETS[*]} " == *" $target "* ]] || usage
done
(($# == 0)) || TARGETS=("$@")

need_packages "${FUZZ_PACKAGES[@]}"
need_clang
if [[ " ${TARGETS[*]} " == *" display "* ]]; then
    lock_build
    qemu_build
    unlock_build
fi
run_step fuzz-build "building the fuzz targets" _fuzz_compile "${TARGETS[@]}"

failed=0
number=0
echo "1..${#TARGETS[@]}"
for target in "${TARGETS[@]}"; do
    number=$((number + 1))
    if fuzz_run "$target" $(((seconds + ${#TARGETS[@]} - 1) / \
        ${#TARGETS[@]})); then
        echo "ok $number - $target"
    else
        echo "not ok $number - $target"
        failed=1
    fi
done
exit "$failed"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu fuzz [SECONDS]: inputs that nobody thought of, for what believes no
# device: the metadata reader, the plane checks and the copy (tests/fuzz), with
# libFuzzer under ASan and UBSan. SECONDS (default 60) is for all targets
# together. What was found useful stays in build/fuzz/corpus for the next time;
# an input that fails is left in build/fuzz/failed.
#
# Speaks TAP: one case for each target.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"

FUZZ_OUT=$VGPU_BUILD/fuzz
FUZZ_PACKAGES=(clang pkgconf python3 libglib2.0-dev libpixman-1-dev
    libdrm-dev)
TARGETS=(metadata plane)

declare -A SOURCES=(
    [metadata]="hw/display/vfio-metadata.c hw/display/vfio-plane.c
        ui/pixel-format.c"
    [plane]="hw/display/vfio-plane.c ui/pixel-format.c ui/mirror-layer.c
        ui/damage-map.c ui/guarded-read.c"
)

_fuzz_compile() {
    local target source sources flags
    read -r -a flags < <(pkgconf --cflags glib-2.0 pixman-1 libdrm)
    mkdir -p "$FUZZ_OUT"
    for target in "${TARGETS[@]}"; do
        sources=()
        for source in ${SOURCES[$target]}; do
            sources+=("$VGPU_TOP/$source")
        done
        # The library's own frames are of no use, so -O1 and frame pointers.
        # shellcheck disable=SC2046 # a list of words
        clang -std=gnu11 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer \
            -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
            -I "$VGPU_TOP/tests/unit/include" -I "$VGPU_TOP/include" \
            -I "$VGPU_TOP/tests/fuzz" "${flags[@]}" \
            -o "$FUZZ_OUT/fuzz-$target" \
            "$VGPU_TOP/tests/fuzz/fuzz-$target.c" "${sources[@]}" \
            $(pkgconf --libs glib-2.0 pixman-1)
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
        -print_final_stats=1 -artifact_prefix="$FUZZ_OUT/failed/$target-" \
        "$corpus" "$FUZZ_OUT/seeds/$target" >"$log" 2>&1; then
        grep -v '^#' "$log" | tail -n 40 | sed 's/^/# /'
        return 1
    fi
    sed -n 's/^stat::number_of_executed_units: */# inputs: /p' "$log"
}

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "usage: ./vgpu fuzz [SECONDS]"

need_packages "${FUZZ_PACKAGES[@]}"
version=$(clang -dumpversion)
need_packages "libclang-rt-${version%%.*}-dev"
mkdir -p "$VGPU_LOGS"
run_step fuzz-build "building the fuzz targets" _fuzz_compile

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

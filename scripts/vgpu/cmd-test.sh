#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu test [--base BASE] [--full] [unit|qtest|lab]...: the tests, or those
# named.
#
#   unit   the pure logic, by the top-level meson.build, with ASan and UBSan
#   qtest  the emulator with the software vGPU, and the unit tests that link
#          files of QEMU's own
#   lab    the emulator with mdev devices under the lab's kernel, and the
#          lab itself (tests/host)
#
# --full has longer runs, and an emulator built by clang with ASan and UBSan for
# the qtests and the viewer matrix (tests/host/matrix.py).
#
# Each program speaks TAP; tap.py shows and counts the cases.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/qemu.sh"
. "$VGPU_TOP/scripts/vgpu/mesa.sh"
. "$VGPU_TOP/scripts/vgpu/viewers.sh"

# Only to end what hangs: far more than any machine needs.
PROGRAM_LIMIT=1800
LAB_LIMIT=7200

UNIT_PACKAGES=(build-essential ccache ninja-build pkgconf python3
    libglib2.0-dev libpixman-1-dev libdrm-dev libxxhash-dev)
UNIT_OUT=$VGPU_BUILD/unit

usage() {
    die "usage: ./vgpu test [--base BASE] [--full] [unit|qtest|lab]..."
}

# run_tap NAME LIMIT COMMAND...: counts; a failure does not end the run
run_tap() {
    local name=$1 limit=$2
    shift 2
    python3 "$VGPU_TOP/scripts/vgpu/tap.py" --timeout "$limit" \
        --counts "$COUNTS" --log "$VGPU_LOGS/test-${name//\//-}.log" \
        "$name" "$@" || (($? == 3))
}

# tap NAME LIMIT COMMAND...: a line of run_taps
tap() {
    printf '%q ' "$@"
    echo
}

# The programs whose lines are on standard input, side by side, since they wait
# more than they compute.
run_taps() {
    local before after lines
    mapfile -t lines
    before=$(wc -l <"$COUNTS")
    (
        export -f run_tap
        export COUNTS VGPU_TOP VGPU_LOGS
        # shellcheck disable=SC2016 # of that shell
        printf '%s\n' "${lines[@]}" | xargs -d '\n' -n 1 -P "$VGPU_JOBS" \
            bash -c 'eval "run_tap $1"' run_tap || true
    )
    after=$(wc -l <"$COUNTS")
    ((after - before == ${#lines[@]})) || die "a test was not counted"
}

_unit_compile() {
    local identity
    # Its options are taken from there only once.
    identity="$(meson --version) $VGPU_TOP"
    identity+=" $(hash_files "$VGPU_TOP/meson.build")"
    if ! stamp_ok unit-setup "$identity" ||
        [[ ! -f $UNIT_OUT/build.ninja ]]; then
        stamp_clear unit-setup
        rm -rf "$UNIT_OUT"
        CC="ccache cc" meson setup "$UNIT_OUT" "$VGPU_TOP"
        stamp_set unit-setup "$identity"
    fi
    ninja -C "$UNIT_OUT" -j "$VGPU_JOBS"
}

# NAME and the command's words, tab-separated, for each test meson knows.
unit_list() {
    meson introspect --tests "$UNIT_OUT" | python3 -c '
import json, sys
for test in json.load(sys.stdin):
    print(test["name"], *test["cmd"], sep="\t")'
}

test_unit() {
    local test
    need_packages "${UNIT_PACKAGES[@]}"
    need_meson
    run_step unit-build "building the unit tests" _unit_compile
    while IFS=$'\t' read -r -a test; do
        run_tap "unit/${test[0]}" "$PROGRAM_LIMIT" "${test[@]:1}"
    done < <(unit_list)
    run_tap fuzz $((FUZZ_SECONDS + PROGRAM_LIMIT)) \
        "$VGPU_TOP/vgpu" fuzz "$FUZZ_SECONDS"
}

# run_qemu_tests NAME EMULATOR FOLDER TEST... FOLDER has others too.
run_qemu_tests() {
    local kind=$1 emulator=$2 folder=$3 test mesa
    shift 3
    mapfile -t mesa <"$MESA_ENV"
    (($#)) || die "patches/series names no $kind test"
    for test in "${@##*/}"; do
        tap "$kind/$test" "$PROGRAM_LIMIT" \
            env "${mesa[@]}" VGPU_TEST_GL=1 QTEST_QEMU_BINARY="$emulator" \
            G_TEST_DBUS_DAEMON="$QEMU_TREE/tests/dbus-vmstate-daemon.sh" \
            "$folder/$test" --tap -k
    done | run_taps
}

test_qtest() {
    local tests
    lock_build
    need_mesa
    qemu_build
    unlock_build
    mapfile -t tests < <(qemu_tree_unit_tests)
    run_qemu_tests unit "$QEMU_BINARY" "$QEMU_OUT/tests/unit" "${tests[@]}"
    mapfile -t tests < <(qemu_qtests)
    run_qemu_tests qtest "$QEMU_BINARY" "$QEMU_OUT/tests/qtest" "${tests[@]}"
    ((VGPU_TEST_FULL == 0)) || test_qtest_asan
}

# What GTK, Mesa and the like keep until the end is none of QEMU's leaks. What is
# found is in build/logs/asan.PID: the tests count what QEMU says, and ASan says
# of each coroutine that it knows little of its stack.
ASAN_ENV=("ASAN_OPTIONS=detect_leaks=0:log_path=$VGPU_LOGS/asan"
    "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$VGPU_LOGS/asan")

# The same once more, where a read past an end or a freed buffer ends it.
test_qtest_asan() {
    local tests
    lock_build
    qemu_build_asan
    unlock_build
    mapfile -t tests < <(qemu_qtests)
    (
        export "${ASAN_ENV[@]}"
        run_qemu_tests asan-qtest "$QEMU_ASAN_BINARY" \
            "$QEMU_ASAN_OUT/tests/qtest" "${tests[@]}"
    )
}

# The lines of what runs in the lab; the longest first.
list_boots() {
    local boots boot arguments argument lab
    boots=$("$VGPU_TOP/tests/lab/run.py" --list-boots)
    while IFS=$'\t' read -r boot arguments; do
        lab=("$VGPU_TOP/vgpu" lab --timeout "$LAB_LIMIT")
        for argument in $arguments; do
            lab+=(--kernel-arg "$argument")
        done
        # The limit inside comes first: it says where a test hung.
        tap "lab/$boot" $((LAB_LIMIT + 300)) "${lab[@]}" -- \
            env VGPU_TEST_FULL="$VGPU_TEST_FULL" \
            "$VGPU_TOP/tests/lab/run.py" --boot "$boot"
    done <<<"$boots"
}

# Those of what runs without.
list_host_programs() {
    local program
    for program in "$VGPU_TOP"/tests/host/*; do
        [[ -f $program && -x $program ]] || continue
        tap "host/$(basename "$program")" "$LAB_LIMIT" "$program"
    done
}

# Those of --full. Blobs are made of udmabufs, which few hosts have.
list_full() {
    tap host/matrix-asan "$LAB_LIMIT" env "${ASAN_ENV[@]}" \
        VGPU_QEMU="$QEMU_ASAN_BINARY" "$VGPU_TOP/tests/host/matrix.py"
    tap lab/stock $((LAB_LIMIT + 300)) "$VGPU_TOP/vgpu" lab \
        --timeout "$LAB_LIMIT" -- "$VGPU_TOP/tests/host/stock.py" blobs
}

# For both releases; tests/host/deb.py installs them.
build_packages() {
    local release
    for release in bookworm trixie; do
        "$VGPU_TOP/vgpu" deb --release "$release" || echo "0 1 0" >>"$COUNTS"
    done
}

test_lab() {
    local packages
    mapfile -t packages < <(sed 's/#.*//' "$VGPU_TOP/tests/lab/packages.txt" |
        xargs -n 1)
    need_packages "${packages[@]}"
    lock_build
    need_novnc
    need_tigervnc
    need_mesa
    qemu_build
    if ((VGPU_TEST_FULL)); then
        # Migration between the two.
        qemu_build_stock
        qemu_build_asan
    fi
    unlock_build
    "$VGPU_TOP/vgpu" lab --build-only
    ((VGPU_TEST_FULL == 0)) || build_packages
    {
        list_boots
        list_host_programs
        ((VGPU_TEST_FULL == 0)) || list_full
    } | run_taps
}

export VGPU_TEST_FULL=0
# A glance, or an hour.
FUZZ_SECONDS=10
groups=()
qemu_take_base "$@"
# Which emulator the lab and its viewers run (tests/lab/vgpulab/paths.py).
[[ -z $QEMU_STEP ]] ||
    export VGPU_QEMU=$QEMU_BINARY VGPU_STOCK_QEMU=$QEMU_STOCK_BINARY
for argument in "${arguments[@]}"; do
    case $argument in
    --full) VGPU_TEST_FULL=1 ;;
    unit | qtest | lab) groups+=("$argument") ;;
    *) usage ;;
    esac
done
((VGPU_TEST_FULL == 0)) || FUZZ_SECONDS=3600
((${#groups[@]})) || groups=(unit qtest lab)

COUNTS=$(mktemp)
trap 'rm -f "$COUNTS"' EXIT

for group in "${groups[@]}"; do
    say "$group tests"
    # One that cannot even be built is a failure, and the others still run.
    set +e
    (
        set -e
        "test_$group"
    )
    status=$?
    set -e
    ((status == 0)) || echo "0 1 0" >>"$COUNTS"
done

read -r passed failed skipped < <(
    awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}' "$COUNTS")
say "test logs: $VGPU_LOGS/test-*.log"
summary="$passed passed, $failed failed"
((skipped == 0)) || summary+=", $skipped skipped"
echo "$summary"
((failed == 0 && passed > 0))

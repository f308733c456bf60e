# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian packages. What the machine's own release has is installed with apt.
# What it lacks, source packages included, is read through private package
# lists, one folder per suite under build/apt, so that the system's apt
# sources are never changed. Their mirror is the machine's own.

DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

is_debian() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null
}

# _release: the codename of the machine's release, such as bookworm
_release() {
    (. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

_as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

_missing_packages() {
    local package
    for package; do
        [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == \
            "install ok installed" ]] || echo "$package"
    done
}

_install_packages() {
    # Lists that were never read, or are outdated, are read (again).
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y
        -o DPkg::Lock::Timeout=600 --no-install-recommends "$@")
    _as_root "${install[@]}" && return
    _as_root apt-get update
    _as_root "${install[@]}"
}

# need_packages PACKAGE...: installs those that are missing.
need_packages() {
    local missing
    if ! is_debian; then
        if [[ " ${VGPU_TOLD_PACKAGES:-} " != *" $* "* ]]; then
            say "not a Debian system: what these Debian packages hold is" \
                "needed: $*"
            export VGPU_TOLD_PACKAGES="${VGPU_TOLD_PACKAGES:-} $*"
        fi
        return 0
    fi
    missing=$(_missing_packages "$@" | xargs)
    [[ -n $missing ]] || return 0
    say "Debian packages to install: $missing"
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die "neither root nor sudo: install these packages first: $missing"
        # Here it can ask for a password, in a logged step it cannot.
        sudo true || die "sudo did not let us install packages"
    fi
    # shellcheck disable=SC2086 # a list of words
    run_step packages "installing Debian packages" _install_packages $missing
}

# The places that the machine's own apt reads Debian from, best first. apt
# itself interprets its sources, in whichever format they are written.
_mirrors() {
    local suites
    suites="$(_release)|oldstable|stable|testing|unstable|sid"
    apt-get update --print-uris 2>/dev/null |
        sed -nE "s#^'(.*)/dists/($suites)/InRelease' .*#\1#p" |
        grep -v '^cdrom:' | awk '!seen[$0]++'
}

# _apt SUITE TOOL ARGUMENT...: apt-get and the like, on the private lists of
# SUITE. The installed packages and the machine's pins are hidden from it, so
# that the only candidates are the suite's.
_apt() {
    local root=$VGPU_BUILD/apt/$1 tool=$2
    shift 2
    "$tool" -o Dir::Etc::sourcelist="$root/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State::Lists="$root/lists" \
        -o Dir::State::status="$root/status" \
        -o Dir::Cache="$root/cache" \
        -o APT::Update::Post-Invoke-Success= \
        -o Acquire::Retries=3 \
        "$@"
}

_write_suite() {
    local root=$VGPU_BUILD/apt/$1 kind
    mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
    : >"$root/status"
    for kind in deb deb-src; do
        echo "$kind [signed-by=$DEBIAN_KEYRING] $2 $1 main"
    done >"$root/sources.list"
}

# _read_suite SUITE [AGE]: makes the suite's private lists, unless they are
# there and no older than AGE minutes (default: a day). A third party's
# repository may come under the release's name too: the archive's signature
# tells which is Debian.
_read_suite() {
    local suite=$1 root=$VGPU_BUILD/apt/$1 mirror
    [[ -z $(find "$root/read" -mmin "-${2:-1440}" 2>/dev/null) ]] || return 0
    rm -f "$root/read"
    while read -r mirror; do
        _write_suite "$suite" "$mirror"
        # Callers print what they were asked for, and nothing else.
        if _apt "$suite" apt-get update --error-on=any >&2; then
            touch "$root/read"
            return 0
        fi
    done < <(_mirrors)
    echo "no configured mirror has $suite" >&2
    return 1
}

# The suites to look for data in, best first, and those whose binary packages
# run on this release.
_data_suites="trixie bookworm-backports"
_binary_suites() {
    case $(_release) in
    bookworm) echo "bookworm-backports" ;;
    *) echo "$(_release) $(_release)-backports" ;;
    esac
}

# _from_suites SUITES DESTDIR COMMAND...: runs COMMAND in DESTDIR for one
# suite after the other until it succeeds. An index may name a file that the
# mirror does not have: then the lists are read again, in case they were old.
_from_suites() {
    local suites=$1 destination=$2 suite
    shift 2
    is_debian || {
        echo "not a Debian system: cannot fetch $*" >&2
        return 1
    }
    mkdir -p "$destination"
    for suite in $suites; do
        _read_suite "$suite" || continue
        (cd "$destination" && _apt "$suite" "$@") && return 0
        _read_suite "$suite" 5 || continue
        (cd "$destination" && _apt "$suite" "$@") && return 0
        echo "$suite: failed: $*; trying the next suite" >&2
    done
    return 1
}

# apt_get_source PACKAGE RELEASE SUITES DESTDIR: the files of the newest source
# package of that release that a suite has, not unpacked. One that a newer
# package has replaced may still be there.
apt_get_source() {
    local package=$1 release=$2 suites=$3 destination=$4 suite version
    for suite in $suites; do
        _read_suite "$suite" || continue
        version=$(_apt "$suite" apt-cache showsrc --only-source "$package" |
            sed -n "s/^Version: *\(\([0-9]*:\)\?${release//./\\.}\.[^ ]*\)/\1/p" |
            sort -V | tail -n 1)
        [[ -n $version ]] || continue
        _from_suites "$suite" "$destination" apt-get source --download-only \
            --only-source "$package=$version" && return 0
    done
    echo "none of $suites has the source of $package $release" >&2
    return 1
}

# apt_download PACKAGE DESTDIR: a .deb whose content is data, such as a
# kernel's source, from any release.
apt_download() {
    _from_suites "$_data_suites" "$2" apt-get download "$1"
}

# _unpack_debs NAME ROOT PACKAGE...: under ROOT, by way of downloads/NAME
_unpack_debs() {
    local folder=$VGPU_DOWNLOADS/$1 root=$2 deb
    shift 2
    rm -rf "$folder"
    _from_suites "$(_binary_suites)" "$folder" apt-get download "$@"
    mkdir -p "$root"
    for deb in "$folder"/*.deb; do
        dpkg-deb -x "$deb" "$root"
    done
}

# _unpack_whole SUITE ROOT PACKAGE: the package and all that it depends on, the
# C library included, under ROOT, from any release.
_unpack_whole() {
    local suite=$1 root=$2 debs=$2.debs deb
    rm -rf "$root" "$debs"
    mkdir -p "$root" "$debs/partial"
    _read_suite "$suite" &&
        _apt "$suite" apt-get install --download-only -y \
            --no-install-recommends -o Dir::Cache::archives="$debs" "$3" ||
        return
    for deb in "$debs"/*.deb; do
        dpkg-deb -x "$deb" "$root" || return
    done
    rm -rf "$debs"
}

# need_tool_debs PACKAGE...: packages that this release lacks or has too old:
# unpacked under build/tools/root, where use_tools finds them.
need_tool_debs() {
    local package
    is_debian || {
        need_packages "$@"
        return
    }
    for package; do
        stamp_ok "tool-$package" "$package" && continue
        run_step "tool-$package" "getting $package" \
            _unpack_debs "tools/$package" "$VGPU_TOOLS" "$package"
        stamp_set "tool-$package" "$package"
    done
    use_tools
}

# need_meson: recent enough for QEMU, with the module that its tests need.
need_meson() {
    if [[ $(_release) == bookworm ]]; then
        need_tool_debs meson python3-pycotap
    else
        need_packages meson python3-pycotap
    fi
}

# use_tools: puts the unpacked packages in the way of programs and Python.
use_tools() {
    local python=$VGPU_TOOLS/usr/lib/python3/dist-packages
    [[ -d $VGPU_TOOLS ]] || return 0
    [[ :$PATH: == *:$VGPU_TOOLS/usr/bin:* ]] ||
        export PATH=$VGPU_TOOLS/usr/bin:$PATH
    [[ :${PYTHONPATH:-}: == *:$python:* ]] ||
        export PYTHONPATH=$python${PYTHONPATH:+:$PYTHONPATH}
}

# need_clang: with its sanitizers, which are packages of each version's own.
need_clang() {
    local version
    need_packages clang
    version=$(clang -dumpversion)
    need_packages "libclang-rt-${version%%.*}-dev"
}

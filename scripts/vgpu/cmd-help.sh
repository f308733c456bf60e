#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu help: a line for each command.

set -euo pipefail

cat <<'EOF'
Usage: ./vgpu COMMAND [ARGUMENT]...

  build               get what is missing and build build/bin/qemu-system-x86_64
  deb [--release NAME]
                      make build/deb/qemu-vgpu_*.deb for Debian's bookworm or
                      trixie: QEMU as Debian builds it, with the series
  demo [--vnc | --browser]
                      show a Linux guest's vGPU screen: demo.png, or VNC, or
                      noVNC in a browser, with H.264
  demo --device vgpu  the same with a cursor and an overlay that moves
  demo --screen       a software vGPU's screen in a Wayland window
  lab [--kernel-arg ARG]... [--timeout S] -- COMMAND...
                      run COMMAND as root under the lab's kernel (vfio, mdev)
  test [--full] [unit|qtest|lab]...
                      run the tests, or those named; --full adds the long ones
  fuzz [SECONDS] [TARGET]...
                      inputs that nobody thought of (libFuzzer), 60 s
  bench [--quick] [--case NAME]... [--list] [--pairs N] [--out DIR]
                      measure stock QEMU and this one in turn: table, plot
  series [--build-each] [--group NAME]
                      write build/series/*.patch and prove that they apply
  build | test | series | deb --base 10.2 ...
                      the same for QEMU 10.2 in place of 10.0, in build/10.2
  series --impact     what the series changes for people without a vGPU
  series --configurations [NAME]...
                      build without OpenGL, GBM, pixman, VNC, SPICE, GTK, SDL
                      and D-Bus, one at a time, or without those named
  mesa [COMMAND...]   run COMMAND with a Mesa that imports dma-bufs in software
  clean [--all]       remove what was built; --all removes downloads too
  help                this text

Environment:
  VGPU_QEMU_TARBALL   a local source tarball of the base, instead of Debian's
  VGPU_LINUX_TARBALL  a local Linux 6.12 source tarball, instead of Debian's
  VGPU_JOBS           parallel compiler processes (default: one per CPU)

Full logs of every step are in build/logs.
EOF

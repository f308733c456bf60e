/*
 * A machine with software vGPUs, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VGPU_FIXTURE_H
#define TESTS_QTEST_VGPU_FIXTURE_H

#include "hw/display/vgpu-sw.h"
#include "libqos/pci.h"
#include "libqtest.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "vgpu-picture.h"

/* All that QEMU may need on a slow machine; tests that pass take no time. */
#define VGPU_PATIENCE_US (120 * G_USEC_PER_SEC)

/* Enough for three frames of 1920x1080. */
#define VGPU_VRAM (32 * 1024 * 1024)
#define VGPU_DEVICE "vgpu-sw,vram=32M,udmabuf=off"

typedef struct VGPUMachine {
    QTestState *qts;
    QPCIBus *bus;
    char *dir;
    char *dump;
    char *errors;
} VGPUMachine;

/**
 * VGPU:
 * @id: the device's
 * @slot: on PCI bus 0
 *
 * A software vGPU in a machine, as its guest's driver has it.
 */
typedef struct VGPU {
    VGPUMachine *machine;
    const char *id;
    int slot;
    QPCIDevice *pci;
    QPCIBar regs;
    QPCIBar vram;
} VGPU;

/* What the primary plane's registers say; all of it unchecked. */
typedef struct VGPUMode {
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t fourcc;
    uint64_t modifier;
    uint64_t offset;
    uint32_t id;
} VGPUMode;

/**
 * vgpu_machine_start:
 * @fmt: arguments for QEMU; devices go to slots of the test's choice
 *
 * Returns: a new machine, without devices of its own
 */
VGPUMachine *vgpu_machine_start(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* Ends QEMU, which must have nothing against it. */
void vgpu_machine_stop(VGPUMachine *machine);

/* How many warnings and errors QEMU has printed. */
unsigned vgpu_machine_warnings(VGPUMachine *machine);

/* How many files the QEMU process has open. */
unsigned vgpu_machine_open_files(VGPUMachine *machine);

/*
 * Waits until it has no more than that open. The memory of a device that was
 * unplugged goes when RCU's thread comes to it.
 */
void vgpu_machine_expect_files(VGPUMachine *machine, unsigned most);

/* Finds the device in that slot and maps its BARs. */
VGPU *vgpu_open(VGPUMachine *machine, const char *id, int slot);

/* Forgets the device, in the test only. */
void vgpu_close(VGPU *vgpu);

/* Does the same again with a device that was reset. */
void vgpu_reopen(VGPU *vgpu);

/* One machine with one vGPU named "gpu", and the end of both. */
VGPU *vgpu_start(const char *options);
void vgpu_stop(VGPU *vgpu);

uint32_t vgpu_read(VGPU *vgpu, uint32_t reg);
void vgpu_write(VGPU *vgpu, uint32_t reg, uint32_t value);

/* The next @count calls (VGPU_SW_CALL_*) fail. */
void vgpu_fail(VGPU *vgpu, unsigned call, uint32_t count, int err);

/* A mode of XRGB8888 with rows that follow each other. */
VGPUMode vgpu_mode(uint32_t width, uint32_t height, uint32_t id);

/* Shows the mode, whatever is in video memory. */
void vgpu_show(VGPU *vgpu, const VGPUMode *mode);
void vgpu_show_nothing(VGPU *vgpu);

/* Draws the picture of that seed where @mode says. */
void vgpu_paint(VGPU *vgpu, const VGPUMode *mode, uint32_t seed);

/* The same, leaving alone what lies between the rows. */
void vgpu_paint_rows(VGPU *vgpu, const VGPUMode *mode, uint32_t seed);

/*
 * What firmware does: draws the picture of that seed into RAM at @mode's
 * offset and says so to ramfb.
 */
void vgpu_paint_ramfb(VGPUMachine *machine, const VGPUMode *mode,
                      uint32_t seed);

/* Says so to ramfb, whatever is in RAM. */
void vgpu_set_ramfb(VGPUMachine *machine, const VGPUMode *mode);

/* Until the guest sees a monitor. */
void vgpu_wait_for_link(VGPU *vgpu);

/* A screendump of the vGPU's console; always a whole one. */
VGPUPicture *vgpu_screendump(VGPU *vgpu);

/* What the picture of that seed looks like in @mode. */
VGPUPicture *vgpu_picture_of(const VGPUMode *mode, uint32_t seed);

/* Is this that picture? */
bool vgpu_picture_is(const VGPUPicture *picture, const VGPUMode *mode,
                     uint32_t seed);

/* A screendump shows the picture, pixel by pixel: now, or before long. */
void vgpu_expect_now(VGPU *vgpu, const VGPUMode *mode, uint32_t seed);
void vgpu_expect(VGPU *vgpu, const VGPUMode *mode, uint32_t seed);

/* All three in one. */
void vgpu_paint_show_expect(VGPU *vgpu, const VGPUMode *mode, uint32_t seed);

/* From x-query-vgpu-display, for this vGPU. */
int64_t vgpu_stat(VGPU *vgpu, const char *member);
char *vgpu_path(VGPU *vgpu);
bool vgpu_shows_words(VGPU *vgpu);
int64_t vgpu_fault_count(VGPU *vgpu, const char *kind);

/* What it says of a plane: a member that is a number or a bool. */
int64_t vgpu_plane_stat(VGPU *vgpu, const char *type, int index,
                        const char *member);

/*
 * Takes screendumps until the fault was counted that often, which is once or
 * more for each.
 */
void vgpu_expect_faults(VGPU *vgpu, const char *kind, int64_t count);

/* The frame's way is, before long, that one: "mmap", "placeholder". */
void vgpu_expect_path(VGPU *vgpu, const char *path);

#endif /* TESTS_QTEST_VGPU_FIXTURE_H */

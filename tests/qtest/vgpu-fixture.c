/*
 * A machine with software vGPUs, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "hw/pci/pci_regs.h"
#include "libqos/fw_cfg.h"
#include "libqos/libqos.h"
#include "libqos/malloc-pc.h"
#include "libqos/pci-pc.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "vgpu-fixture.h"

VGPUMachine *vgpu_machine_start(const char *fmt, ...)
{
    VGPUMachine *machine = g_new0(VGPUMachine, 1);
    g_autofree char *args = NULL;
    va_list ap;

    va_start(ap, fmt);
    args = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    machine->dir = g_dir_make_tmp("vgpu-test-XXXXXX", NULL);
    g_assert_nonnull(machine->dir);
    machine->dump = g_build_filename(machine->dir, "screen.ppm", NULL);
    machine->errors = g_build_filename(machine->dir, "stderr", NULL);
    machine->qts = qtest_initf("-machine pc -nodefaults -vga none %s 2>%s",
                               args, machine->errors);
    machine->bus = qpci_new_pc(machine->qts, NULL);
    return machine;
}

void vgpu_machine_stop(VGPUMachine *machine)
{
    qpci_free_pc(machine->bus);
    qtest_quit(machine->qts);
    g_unlink(machine->dump);
    g_unlink(machine->errors);
    g_rmdir(machine->dir);
    g_free(machine->dump);
    g_free(machine->errors);
    g_free(machine->dir);
    g_free(machine);
}

unsigned vgpu_machine_warnings(VGPUMachine *machine)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned count = 0;

    g_assert_true(g_file_get_contents(machine->errors, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (**line) {
            g_test_message("QEMU: %s", *line);
            count++;
        }
    }
    return count;
}

unsigned vgpu_machine_open_files(VGPUMachine *machine)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd",
                                            qtest_pid(machine->qts));
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    unsigned count = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir)) {
        count++;
    }
    return count;
}

void vgpu_machine_expect_files(VGPUMachine *machine, unsigned most)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (vgpu_machine_open_files(machine) > most) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(10 * 1000);
    }
}

static void map_bars(VGPU *vgpu)
{
    qpci_config_writel(vgpu->pci, PCI_BASE_ADDRESS_0, vgpu->regs.addr);
    qpci_config_writel(vgpu->pci, PCI_BASE_ADDRESS_2, vgpu->vram.addr);
    qpci_device_enable(vgpu->pci);
}

VGPU *vgpu_open(VGPUMachine *machine, const char *id, int slot)
{
    VGPU *vgpu = g_new0(VGPU, 1);
    uint64_t alloc_ptr = machine->bus->mmio_alloc_ptr;

    vgpu->machine = machine;
    vgpu->id = id;
    vgpu->slot = slot;
    vgpu->pci = qpci_device_find(machine->bus, QPCI_DEVFN(slot, 0));
    g_assert_nonnull(vgpu->pci);
    /* libqos never gives an address back: each slot has its own for ever. */
    machine->bus->mmio_alloc_ptr = alloc_ptr + slot % 4 * 2 * VGPU_VRAM;
    vgpu->vram = qpci_iomap(vgpu->pci, VGPU_SW_BAR_VRAM, NULL);
    vgpu->regs = qpci_iomap(vgpu->pci, VGPU_SW_BAR_REGS, NULL);
    machine->bus->mmio_alloc_ptr = alloc_ptr;
    qpci_device_enable(vgpu->pci);
    g_assert_cmphex(vgpu_read(vgpu, VGPU_SW_MAGIC), ==, VGPU_SW_MAGIC_VALUE);
    return vgpu;
}

void vgpu_close(VGPU *vgpu)
{
    g_free(vgpu->pci);
    g_free(vgpu);
}

void vgpu_reopen(VGPU *vgpu)
{
    map_bars(vgpu);
    g_assert_cmphex(vgpu_read(vgpu, VGPU_SW_MAGIC), ==, VGPU_SW_MAGIC_VALUE);
}

VGPU *vgpu_start(const char *options)
{
    VGPUMachine *machine =
        vgpu_machine_start("-device " VGPU_DEVICE ",id=gpu,addr=4%s%s",
                           *options ? "," : "", options);

    return vgpu_open(machine, "gpu", 4);
}

void vgpu_stop(VGPU *vgpu)
{
    VGPUMachine *machine = vgpu->machine;

    vgpu_close(vgpu);
    vgpu_machine_stop(machine);
}

uint32_t vgpu_read(VGPU *vgpu, uint32_t reg)
{
    return qpci_io_readl(vgpu->pci, vgpu->regs, reg);
}

void vgpu_write(VGPU *vgpu, uint32_t reg, uint32_t value)
{
    qpci_io_writel(vgpu->pci, vgpu->regs, reg, value);
}

void vgpu_fail(VGPU *vgpu, unsigned call, uint32_t count, int err)
{
    vgpu_write(vgpu, VGPU_SW_FAULT_ERRNO(call), err);
    vgpu_write(vgpu, VGPU_SW_FAULT_COUNT(call), count);
}

VGPUMode vgpu_mode(uint32_t width, uint32_t height, uint32_t id)
{
    return (VGPUMode) {
        .width = width,
        .height = height,
        .stride = width * 4,
        .fourcc = DRM_FORMAT_XRGB8888,
        .id = id,
    };
}

void vgpu_show(VGPU *vgpu, const VGPUMode *mode)
{
    vgpu_write(vgpu, VGPU_SW_ENABLE, 1);
    vgpu_write(vgpu, VGPU_SW_WIDTH, mode->width);
    vgpu_write(vgpu, VGPU_SW_HEIGHT, mode->height);
    vgpu_write(vgpu, VGPU_SW_STRIDE, mode->stride);
    vgpu_write(vgpu, VGPU_SW_FOURCC, mode->fourcc);
    vgpu_write(vgpu, VGPU_SW_MODIFIER_LO, mode->modifier);
    vgpu_write(vgpu, VGPU_SW_MODIFIER_HI, mode->modifier >> 32);
    vgpu_write(vgpu, VGPU_SW_OFFSET_LO, mode->offset);
    vgpu_write(vgpu, VGPU_SW_OFFSET_HI, mode->offset >> 32);
    vgpu_write(vgpu, VGPU_SW_ID, mode->id);
    vgpu_write(vgpu, VGPU_SW_COMMIT, 1);
}

void vgpu_show_nothing(VGPU *vgpu)
{
    vgpu_write(vgpu, VGPU_SW_ENABLE, 0);
    vgpu_write(vgpu, VGPU_SW_COMMIT, 1);
}

void vgpu_paint(VGPU *vgpu, const VGPUMode *mode, uint32_t seed)
{
    const VGPUFormat *format = vgpu_format_find(mode->fourcc);
    g_autoptr(VGPUPicture) picture =
        vgpu_picture_draw(mode->width, mode->height, seed);
    g_autofree uint8_t *packed =
        vgpu_picture_pack(picture, format, mode->stride);
    /* What lies past the last pixel need not be there. */
    size_t len = (size_t)mode->stride * (mode->height - 1) +
        (size_t)mode->width * format->cpp;

    g_assert_cmpuint(mode->offset + len, <=, VGPU_VRAM);
    qtest_bufwrite(vgpu->machine->qts, vgpu->vram.addr + mode->offset,
                   packed, len);
}

void vgpu_paint_rows(VGPU *vgpu, const VGPUMode *mode, uint32_t seed)
{
    const VGPUFormat *format = vgpu_format_find(mode->fourcc);
    size_t len = (size_t)mode->width * format->cpp;
    g_autoptr(VGPUPicture) picture =
        vgpu_picture_draw(mode->width, mode->height, seed);
    g_autofree uint8_t *packed = vgpu_picture_pack(picture, format, len);

    for (uint32_t y = 0; y < mode->height; y++) {
        qtest_bufwrite(vgpu->machine->qts, vgpu->vram.addr + mode->offset +
                       (uint64_t)y * mode->stride, packed + y * len, len);
    }
}

/* As ramfb.rst describes it; every field is big-endian. */
typedef struct QEMU_PACKED RAMFBConfig {
    uint64_t addr;
    uint32_t fourcc;
    uint32_t flags;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
} RAMFBConfig;

void vgpu_set_ramfb(VGPUMachine *machine, const VGPUMode *mode)
{
    RAMFBConfig config = {
        .addr = cpu_to_be64(mode->offset),
        .fourcc = cpu_to_be32(mode->fourcc),
        .width = cpu_to_be32(mode->width),
        .height = cpu_to_be32(mode->height),
        .stride = cpu_to_be32(mode->stride),
    };
    QOSState qs = { .qts = machine->qts };
    QFWCFG *fw_cfg = pc_fw_cfg_init(machine->qts);

    pc_alloc_init(&qs.alloc, machine->qts, ALLOC_NO_FLAGS);
    g_assert_cmpuint(qfw_cfg_write_file(fw_cfg, &qs, "etc/ramfb", &config,
                                        sizeof(config)), ==, sizeof(config));
    alloc_destroy(&qs.alloc);
    pc_fw_cfg_uninit(fw_cfg);
}

void vgpu_paint_ramfb(VGPUMachine *machine, const VGPUMode *mode,
                      uint32_t seed)
{
    g_autoptr(VGPUPicture) picture =
        vgpu_picture_draw(mode->width, mode->height, seed);
    g_autofree uint8_t *packed =
        vgpu_picture_pack(picture, vgpu_format_find(mode->fourcc),
                          mode->stride);

    qtest_bufwrite(machine->qts, mode->offset, packed,
                   (size_t)mode->stride * mode->height);
    vgpu_set_ramfb(machine, mode);
}

void vgpu_wait_for_link(VGPU *vgpu)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (!vgpu_read(vgpu, VGPU_SW_LINK)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(10 * 1000);
    }
}

VGPUPicture *vgpu_screendump(VGPU *vgpu)
{
    VGPUMachine *machine = vgpu->machine;

    qtest_qmp_assert_success(machine->qts,
                             "{ 'execute': 'screendump', 'arguments': "
                             "{ 'filename': %s, 'device': %s } }",
                             machine->dump, vgpu->id);
    return vgpu_picture_load(machine->dump);
}

VGPUPicture *vgpu_picture_of(const VGPUMode *mode, uint32_t seed)
{
    VGPUPicture *picture = vgpu_picture_draw(mode->width, mode->height, seed);

    vgpu_picture_degrade(picture, vgpu_format_find(mode->fourcc));
    return picture;
}

/* NULL if it is that picture, else what is wrong. */
static char *differ(const VGPUPicture *picture, const VGPUMode *mode,
                    uint32_t seed)
{
    g_autoptr(VGPUPicture) want = vgpu_picture_of(mode, seed);

    return vgpu_picture_differ(want, picture);
}

bool vgpu_picture_is(const VGPUPicture *picture, const VGPUMode *mode,
                     uint32_t seed)
{
    g_autofree char *difference = differ(picture, mode, seed);

    return !difference;
}

void vgpu_expect_now(VGPU *vgpu, const VGPUMode *mode, uint32_t seed)
{
    g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);
    g_autofree char *difference = differ(picture, mode, seed);

    g_assert_cmpstr(difference, ==, NULL);
}

void vgpu_expect(VGPU *vgpu, const VGPUMode *mode, uint32_t seed)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    for (;;) {
        g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);
        g_autofree char *difference = differ(picture, mode, seed);

        if (!difference) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpstr(difference, ==, NULL);
        }
        g_usleep(10 * 1000);
    }
}

void vgpu_paint_show_expect(VGPU *vgpu, const VGPUMode *mode, uint32_t seed)
{
    vgpu_paint(vgpu, mode, seed);
    vgpu_show(vgpu, mode);
    vgpu_expect(vgpu, mode, seed);
}

/* This vGPU's entry in the answer of x-query-vgpu-display. */
static QDict *query(VGPU *vgpu)
{
    QDict *answer = qtest_qmp(vgpu->machine->qts,
                              "{ 'execute': 'x-query-vgpu-display' }");
    QList *all = qdict_get_qlist(answer, "return");
    QListEntry *entry;
    QDict *found = NULL;

    g_assert_nonnull(all);
    QLIST_FOREACH_ENTRY(all, entry) {
        QDict *one = qobject_to(QDict, qlist_entry_obj(entry));

        if (g_str_equal(qdict_get_str(one, "device"), vgpu->id)) {
            found = qobject_ref(one);
        }
    }
    qobject_unref(answer);
    g_assert_nonnull(found);
    return found;
}

int64_t vgpu_stat(VGPU *vgpu, const char *member)
{
    QDict *display = query(vgpu);
    int64_t value = qdict_get_int(display, member);

    qobject_unref(display);
    return value;
}

int64_t vgpu_plane_stat(VGPU *vgpu, const char *type, int index,
                        const char *member)
{
    QDict *display = query(vgpu);
    QListEntry *entry;
    int64_t value = 0;
    bool found = false;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(display, "planes"), entry) {
        QDict *plane = qobject_to(QDict, qlist_entry_obj(entry));

        if (g_str_equal(qdict_get_str(plane, "type"), type) &&
            qdict_get_int(plane, "index") == index) {
            found = true;
            value = g_str_equal(member, "visible")
                ? qdict_get_bool(plane, member) : qdict_get_int(plane, member);
        }
    }
    qobject_unref(display);
    g_assert_true(found);
    return value;
}

char *vgpu_path(VGPU *vgpu)
{
    QDict *display = query(vgpu);
    char *path = g_strdup(qdict_get_str(display, "path"));

    qobject_unref(display);
    return path;
}

/* Nothing of the device's is on screen, or not with any way there is. */
bool vgpu_shows_words(VGPU *vgpu)
{
    g_autofree char *path = vgpu_path(vgpu);

    return g_str_equal(path, "none") || g_str_equal(path, "placeholder");
}

int64_t vgpu_fault_count(VGPU *vgpu, const char *kind)
{
    QDict *display = query(vgpu);
    QListEntry *entry;
    int64_t count = 0;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(display, "faults"), entry) {
        QDict *fault = qobject_to(QDict, qlist_entry_obj(entry));

        if (g_str_equal(qdict_get_str(fault, "kind"), kind)) {
            count = qdict_get_int(fault, "count");
        }
    }
    qobject_unref(display);
    return count;
}

void vgpu_expect_faults(VGPU *vgpu, const char *kind, int64_t count)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (vgpu_fault_count(vgpu, kind) < count) {
        g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);

        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpint(vgpu_fault_count(vgpu, kind), >=, count);
        }
    }
}

void vgpu_expect_path(VGPU *vgpu, const char *path)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    for (;;) {
        g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);
        g_autofree char *now = vgpu_path(vgpu);

        if (g_str_equal(now, path)) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpstr(now, ==, path);
        }
        g_usleep(10 * 1000);
    }
}

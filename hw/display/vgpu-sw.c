/*
 * Software vGPU: a test and demo device
 *
 * A PCI display whose guest decides what its plane source tells QEMU's vGPU
 * display path: mode, format, buffers and every kind of fault. So that path
 * can be tested, and shown, on machines without vfio.
 *
 * This file is the device as the guest sees it. vgpu-sw-source.c is the plane
 * source, vgpu-sw-planes.c what the plane registers do, vgpu-sw-buffer.c the
 * memory, vgpu-sw-edid.c the EDID region, vgpu-sw-irq.c the display interrupt,
 * vgpu-sw-metadata.c the region with a metadata page, vgpu-sw-vmstate.c
 * migration. The registers are described in docs/system/devices/vgpu-sw.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "vgpu-sw-internal.h"
#include "trace.h"

static uint32_t *plane_register(VGPUSWState *s, hwaddr addr)
{
    hwaddr at = (addr - VGPU_SW_PLANE) / 4;

    return &s->pending[at / VGPU_SW_PLANE_REGS][at % VGPU_SW_PLANE_REGS];
}

static uint32_t *fault_register(VGPUSWState *s, hwaddr addr)
{
    VGPUSWFault *fault = &s->faults[(addr - VGPU_SW_FAULTS) / 8];

    return addr % 8 ? &fault->err : &fault->count;
}

/* The registers that read as they were written; NULL for all others. */
static uint32_t *plain_register(VGPUSWState *s, hwaddr addr)
{
    switch (addr) {
    case VGPU_SW_PLANE ... VGPU_SW_PLANES_END - 4:
        return plane_register(s, addr);
    case VGPU_SW_DAMAGE_X ... VGPU_SW_DAMAGE_HEIGHT:
        return &s->damage.rect[(addr - VGPU_SW_DAMAGE_X) / 4];
    case VGPU_SW_DAMAGE_REPORTED:
        return &s->damage.reported;
    case VGPU_SW_FAULTS ... VGPU_SW_FAULTS_END - 4:
        return fault_register(s, addr);
    case VGPU_SW_REFUSED:
        return &s->refused;
    case VGPU_SW_BUFFER_FLAGS:
        return &s->buffer_flags;
    case VGPU_SW_BUFFER_COPY:
        return &s->buffer_copy;
    case VGPU_SW_REGION_INDEX:
        return &s->region_index;
    case VGPU_SW_REGION_FLAGS:
        return &s->region_flags;
    case VGPU_SW_IRQ_FLAGS:
        return &s->irq_flags;
    case VGPU_SW_META_POKE_OFFSET:
        return &s->meta.poke_offset;
    case VGPU_SW_META_POKE_VALUE:
        return &s->meta.poke_value;
    default:
        return NULL;
    }
}

static uint32_t vgpu_sw_read_edid(VGPUSWState *s, hwaddr addr)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        value |= (uint32_t)vgpu_sw_edid_guest_read(&s->edid, addr + i)
            << (8 * i);
    }
    return value;
}

static uint64_t vgpu_sw_read(void *opaque, hwaddr addr, unsigned size)
{
    VGPUSWState *s = opaque;
    uint32_t *plain = plain_register(s, addr);

    if (plain) {
        return *plain;
    }
    switch (addr) {
    case VGPU_SW_MAGIC:
        return VGPU_SW_MAGIC_VALUE;
    case VGPU_SW_VRAM_SIZE:
        return s->vram_size;
    case VGPU_SW_KINDS:
        return s->kinds;
    case VGPU_SW_COMMIT:
        return s->commits;
    case VGPU_SW_FLIP:
        return s->flips;
    case VGPU_SW_QUERIES:
        return s->calls[VGPU_SW_CALL_QUERY];
    case VGPU_SW_GETS:
        return s->calls[VGPU_SW_CALL_GET];
    case VGPU_SW_OPENS:
        return s->calls[VGPU_SW_CALL_OPEN];
    case VGPU_SW_READS:
        return s->calls[VGPU_SW_CALL_READ];
    case VGPU_SW_IRQ_SIGNALS:
        return s->signals;
    case VGPU_SW_IRQ_STORM:
        return s->irq_storm;
    case VGPU_SW_META_FLAGS:
        return s->meta.flags;
    case VGPU_SW_META_REQUESTS:
        return s->meta.requests;
    case VGPU_SW_LINK:
        return s->edid.link_up;
    case VGPU_SW_LINK_DOWNS:
        return s->edid.downs;
    case VGPU_SW_EDID_SIZE:
        return s->edid.link_up ? s->edid.size : 0;
    case VGPU_SW_EDID ... VGPU_SW_EDID + VGPU_SW_EDID_MAX - 4:
        return vgpu_sw_read_edid(s, addr - VGPU_SW_EDID);
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-sw: no register to read at "
                      "0x%" HWADDR_PRIx "\n", addr);
        return 0;
    }
}

static void vgpu_sw_commit_and_tell(VGPUSWState *s)
{
    bool cursor = vgpu_sw_commits_cursor(s);

    vgpu_sw_commit(s);
    if (cursor) {
        vgpu_sw_irq_signal_cursor(s);
    } else {
        vgpu_sw_irq_signal(s);
    }
}

static void vgpu_sw_write(void *opaque, hwaddr addr, uint64_t value,
                          unsigned size)
{
    VGPUSWState *s = opaque;
    uint32_t *plain = plain_register(s, addr);

    if (plain) {
        *plain = value;
        return;
    }
    switch (addr) {
    case VGPU_SW_COMMIT:
        vgpu_sw_commit_and_tell(s);
        break;
    case VGPU_SW_FLIP:
        vgpu_sw_flip(s, value);
        vgpu_sw_irq_signal(s);
        break;
    case VGPU_SW_DAMAGE_ADD:
        vgpu_sw_damage_add(s);
        vgpu_sw_irq_signal(s);
        break;
    case VGPU_SW_IRQ_STORM:
        vgpu_sw_irq_set_storm(s, value);
        break;
    case VGPU_SW_META_FLAGS:
        vgpu_sw_metadata_set_flags(s, value);
        break;
    case VGPU_SW_BUFFER_CUT:
        vgpu_sw_buffer_cut(s, value);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-sw: no register to write at "
                      "0x%" HWADDR_PRIx "\n", addr);
        break;
    }
}

static const MemoryRegionOps vgpu_sw_regs_ops = {
    .read = vgpu_sw_read,
    .write = vgpu_sw_write,
    .valid.min_access_size = 4,
    .valid.max_access_size = 4,
    .impl.min_access_size = 4,
    .impl.max_access_size = 4,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* What reset and a new device have in common. VRAM keeps its content. */
static void vgpu_sw_init_registers(VGPUSWState *s)
{
    vgpu_sw_planes_reset(s);
    memset(s->calls, 0, sizeof(s->calls));
    memset(s->faults, 0, sizeof(s->faults));
    s->refused = 0;
    s->buffer_flags = 0;
    s->buffer_copy = 0;
    s->region_index = VGPU_SW_REGION;
    s->region_flags = 0;
    s->irq_flags = 0;
    s->signals = 0;
    vgpu_sw_metadata_reset(s);
    vgpu_sw_irq_set_storm(s, 0);
}

static void vgpu_sw_reset(DeviceState *dev)
{
    VGPUSWState *s = VGPU_SW(dev);

    vfio_display_device_reset(s->dpy);
    vgpu_sw_init_registers(s);
    vgpu_sw_irq_signal(s);
}

static bool parse_properties(VGPUSWState *s, Error **errp)
{
    if (!s->kind || g_str_equal(s->kind, "both")) {
        s->kinds = VGPU_SW_KIND_DMABUF | VGPU_SW_KIND_REGION;
    } else if (g_str_equal(s->kind, "dmabuf")) {
        s->kinds = VGPU_SW_KIND_DMABUF;
    } else if (g_str_equal(s->kind, "region")) {
        s->kinds = VGPU_SW_KIND_REGION;
    } else if (g_str_equal(s->kind, "metadata")) {
        s->kinds = VGPU_SW_KIND_METADATA;
    } else if (g_str_equal(s->kind, "all")) {
        s->kinds = VGPU_SW_KIND_DMABUF | VGPU_SW_KIND_REGION |
            VGPU_SW_KIND_METADATA;
    } else {
        error_setg(errp, "x-kind must be dmabuf, region, both, metadata or "
                   "all");
        return false;
    }
    if (s->overlays > VGPU_SW_OVERLAYS) {
        error_setg(errp, "overlays must be at most %d", VGPU_SW_OVERLAYS);
        return false;
    }
    if (s->has_irq) {
        s->kinds |= VGPU_SW_KIND_IRQ;
    }
    if (s->overlays && s->kinds & VGPU_SW_KIND_DMABUF) {
        s->kinds |= VGPU_SW_KIND_OVERLAYS;
    }
    if (!pixel_path_parse(s->path ?: "auto", &s->forced_path)) {
        error_setg(errp, "x-display-path must be auto, mmap, region, "
                   "metadata or gl");
        return false;
    }
    if (!is_power_of_2(s->vram_size) || s->vram_size < 1 * MiB ||
        s->vram_size > 1 * GiB) {
        error_setg(errp, "vram must be a power of two from 1M to 1G");
        return false;
    }
    return true;
}

/*
 * ramfb leaves an entry in fw_cfg that nothing can take away, with a callback
 * into the device: such a device has to stay.
 */
static bool check_ramfb(VGPUSWState *s, Error **errp)
{
    Error *reason = NULL;

    if (!s->ramfb) {
        return true;
    }
    if (DEVICE(s)->hotplugged) {
        error_setg(errp, "a device with ramfb=on cannot be hot-plugged");
        return false;
    }
    error_setg(&reason, "a device with ramfb=on cannot be unplugged");
    qdev_add_unplug_blocker(DEVICE(s), reason);
    return true;
}

static void vgpu_sw_realize(PCIDevice *pci, Error **errp)
{
    VGPUSWState *s = VGPU_SW(pci);
    VFIODisplayConfig config = {
        .xres = s->xres,
        .yres = s->yres,
        .ramfb = s->ramfb,
        .screendump_cursor = s->screendump_cursor,
        .software_import = s->software_import,
    };

    if (!parse_properties(s, errp) || !check_ramfb(s, errp) ||
        !vgpu_sw_buffer_init(s, errp)) {
        return;
    }
    config.path = s->forced_path;
    vgpu_sw_init_registers(s);
    memory_region_init_io(&s->regs, OBJECT(s), &vgpu_sw_regs_ops, s,
                          "vgpu-sw-regs", VGPU_SW_BAR_REGS_SIZE);
    pci_register_bar(pci, VGPU_SW_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->regs);
    pci_register_bar(pci, VGPU_SW_BAR_VRAM, PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &s->vram);

    s->dpy = vfio_display_new(DEVICE(s), &vgpu_sw_source_ops, s, &config,
                              errp);
    if (s->dpy) {
        vmstate_register_ram(&s->vram, DEVICE(s));
    }
}

static void vgpu_sw_exit(PCIDevice *pci)
{
    VGPUSWState *s = VGPU_SW(pci);

    vmstate_unregister_ram(&s->vram, DEVICE(s));
    vfio_display_free(s->dpy);
    s->dpy = NULL;
}

static void vgpu_sw_instance_init(Object *obj)
{
    VGPUSWState *s = VGPU_SW(obj);

    s->fd = -1;
    s->udmabuf_fd = -1;
    s->copy_fd = -1;
    s->meta.fd = -1;
}

static void vgpu_sw_instance_finalize(Object *obj)
{
    vgpu_sw_buffer_finish(VGPU_SW(obj));
}

static const Property vgpu_sw_properties[] = {
    DEFINE_PROP_SIZE("vram", VGPUSWState, vram_size, 64 * MiB),
    DEFINE_PROP_UINT32("overlays", VGPUSWState, overlays, VGPU_SW_OVERLAYS),
    DEFINE_PROP_STRING("x-kind", VGPUSWState, kind),
    DEFINE_PROP_STRING("x-display-path", VGPUSWState, path),
    DEFINE_PROP_ON_OFF_AUTO("udmabuf", VGPUSWState, udmabuf,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("irq", VGPUSWState, has_irq, false),
    DEFINE_PROP_BOOL("x-metadata-mmap", VGPUSWState, meta.mmap, true),
    DEFINE_PROP_BOOL("edid", VGPUSWState, has_edid, true),
    DEFINE_PROP_UINT32("xres", VGPUSWState, xres, 0),
    DEFINE_PROP_UINT32("yres", VGPUSWState, yres, 0),
    DEFINE_PROP_UINT32("xmax", VGPUSWState, edid.max_xres, 3840),
    DEFINE_PROP_UINT32("ymax", VGPUSWState, edid.max_yres, 2160),
    DEFINE_PROP_BOOL("ramfb", VGPUSWState, ramfb, false),
    DEFINE_PROP_BOOL("x-screendump-cursor", VGPUSWState, screendump_cursor,
                     false),
    DEFINE_PROP_BOOL("x-software-import", VGPUSWState, software_import, false),
};

static void vgpu_sw_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->class_id = PCI_CLASS_DISPLAY_OTHER;
    k->vendor_id = VGPU_SW_PCI_VENDOR;
    k->device_id = VGPU_SW_PCI_DEVICE;
    k->realize = vgpu_sw_realize;
    k->exit = vgpu_sw_exit;

    dc->desc = "Software vGPU (test and demo device)";
    dc->vmsd = &vmstate_vgpu_sw;
    device_class_set_props(dc, vgpu_sw_properties);
    device_class_set_legacy_reset(dc, vgpu_sw_reset);
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
}

static const TypeInfo vgpu_sw_info = {
    .name = TYPE_VGPU_SW,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(VGPUSWState),
    .instance_init = vgpu_sw_instance_init,
    .instance_finalize = vgpu_sw_instance_finalize,
    .class_init = vgpu_sw_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { }
    },
};

static void vgpu_sw_register_types(void)
{
    type_register_static(&vgpu_sw_info);
}

type_init(vgpu_sw_register_types)

/*
 * Software vGPU: a test and demo device
 *
 * A PCI display whose guest decides what its plane source tells QEMU's vGPU
 * display path: mode, format, buffers and every kind of fault. So that path
 * can be tested, and shown, on machines without vfio.
 *
 * This file is the device as the guest sees it. It owns the parts, which know
 * only of those below them:
 *
 *   vgpu-sw-source.c     the plane source, which is what a driver would be
 *   vgpu-sw-metadata.c   the region with a metadata page
 *   vgpu-sw-planes.c     what the plane registers do
 *   vgpu-sw-buffer.c     the memory
 *   vgpu-sw-edid.c       the EDID region
 *   vgpu-sw-irq.c        the display interrupt
 *
 * The registers are described in docs/system/devices/vgpu-sw.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/qdev-properties.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"
#include "vgpu-sw-source.h"

#define TYPE_VGPU_SW "vgpu-sw"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUSWState, VGPU_SW)

struct VGPUSWState {
    PCIDevice pci;

    MemoryRegion regs;
    VFIODisplay *dpy;
    VGPUSWPlanes planes;
    VGPUSWBuffers buffers;
    VGPUSWEdid edid;
    VGPUSWIrq irq;
    VGPUSWMetadata meta;
    VGPUSWSource source;

    /* properties */
    VFIODisplayConfig config;
    char *kind;
    char *path;
    bool has_irq;
};

/* The registers that read as they were written; NULL for all others. */
static uint32_t *plain_register(VGPUSWState *s, hwaddr addr)
{
    switch (addr) {
    case VGPU_SW_PLANE ... VGPU_SW_PLANES_END - 4:
        return (uint32_t *)s->planes.pending + (addr - VGPU_SW_PLANE) / 4;
    case VGPU_SW_DAMAGE_X ... VGPU_SW_DAMAGE_HEIGHT:
        return &s->planes.damage.rect[(addr - VGPU_SW_DAMAGE_X) / 4];
    case VGPU_SW_DAMAGE_REPORTED:
        return &s->planes.damage.reported;
    case VGPU_SW_FAULTS ... VGPU_SW_FAULTS_END - 4:
        return (uint32_t *)s->source.faults + (addr - VGPU_SW_FAULTS) / 4;
    case VGPU_SW_REFUSED:
        return &s->source.refused;
    case VGPU_SW_BUFFER_FLAGS:
        return &s->buffers.flags;
    case VGPU_SW_BUFFER_COPY:
        return &s->buffers.copy;
    case VGPU_SW_REGION_INDEX:
        return &s->source.region_index;
    case VGPU_SW_REGION_FLAGS:
        return &s->source.region_flags;
    case VGPU_SW_IRQ_FLAGS:
        return &s->irq.flags;
    case VGPU_SW_META_POKE_OFFSET:
        return &s->meta.poke_offset;
    case VGPU_SW_META_POKE_VALUE:
        return &s->meta.poke_value;
    default:
        return NULL;
    }
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
        return s->buffers.vram_size;
    case VGPU_SW_KINDS:
        return s->source.kinds;
    case VGPU_SW_COMMIT:
        return s->planes.commits;
    case VGPU_SW_FLIP:
        return s->planes.flips;
    case VGPU_SW_QUERIES ... VGPU_SW_READS:
        return s->source.calls[(addr - VGPU_SW_QUERIES) / 4];
    case VGPU_SW_IRQ_SIGNALS:
        return s->irq.signals;
    case VGPU_SW_IRQ_STORM:
        return s->irq.storm_rate;
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
        return vgpu_sw_edid_guest_read(&s->edid, addr - VGPU_SW_EDID);
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-sw: no register to read at "
                      "0x%" HWADDR_PRIx "\n", addr);
        return 0;
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
        vgpu_sw_irq_signal(&s->irq, vgpu_sw_commit(&s->planes) ?
                           VFIO_GFX_IRQ_CURSOR : VFIO_GFX_IRQ_PRIMARY);
        break;
    case VGPU_SW_FLIP:
        vgpu_sw_flip(&s->planes, value);
        vgpu_sw_irq_signal(&s->irq, VFIO_GFX_IRQ_PRIMARY);
        break;
    case VGPU_SW_DAMAGE_ADD:
        vgpu_sw_damage_add(&s->planes.damage);
        vgpu_sw_irq_signal(&s->irq, VFIO_GFX_IRQ_PRIMARY);
        break;
    case VGPU_SW_IRQ_STORM:
        vgpu_sw_irq_set_storm(&s->irq, value);
        break;
    case VGPU_SW_META_FLAGS:
        vgpu_sw_metadata_set_flags(&s->meta, value);
        break;
    case VGPU_SW_BUFFER_CUT:
        vgpu_sw_buffer_cut(&s->buffers, value);
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
    vgpu_sw_planes_reset(&s->planes);
    vgpu_sw_source_reset(&s->source);
    s->buffers.flags = 0;
    s->buffers.copy = 0;
    vgpu_sw_metadata_reset(&s->meta);
    vgpu_sw_irq_reset(&s->irq);
}

static void vgpu_sw_reset(DeviceState *dev)
{
    VGPUSWState *s = VGPU_SW(dev);

    vfio_display_device_reset(s->dpy);
    vgpu_sw_init_registers(s);
    vgpu_sw_irq_signal(&s->irq, VFIO_GFX_IRQ_PRIMARY);
}

/*
 * Migration: what the guest wrote goes along, video memory as a block of RAM.
 * What the host has stays: buffers are made anew from that memory, and the
 * monitor's link is made by the display that runs there.
 */

static const VMStateDescription vmstate_vgpu_sw_fault = {
    .name = "vgpu-sw/fault",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(count, VGPUSWFault),
        VMSTATE_UINT32(err, VGPUSWFault),
        VMSTATE_END_OF_LIST()
    },
};

static bool display_needed(void *opaque)
{
    VGPUSWState *s = opaque;

    return s->config.ramfb;
}

static const VMStateDescription vmstate_vgpu_sw_display = {
    .name = "vgpu-sw/display",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = display_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(dpy, VGPUSWState, vmstate_vfio_display_ramfb,
                               VFIODisplay),
        VMSTATE_END_OF_LIST()
    },
};

/*
 * The planes are not checked here, no more than when the guest writes them:
 * the display has to.
 */
static int vgpu_sw_post_load(void *opaque, int version_id)
{
    VGPUSWState *s = opaque;
    uint32_t meta_flags = s->meta.flags;

    /* An id that the display knows may be that of another buffer now. */
    vfio_display_device_reset(s->dpy);
    vgpu_sw_damage_add_all(&s->planes.damage);
    s->meta.flags = 0;
    vgpu_sw_metadata_set_flags(&s->meta, meta_flags);
    vgpu_sw_irq_set_storm(&s->irq, s->irq.storm_rate);
    vgpu_sw_irq_signal(&s->irq, VFIO_GFX_IRQ_PRIMARY);
    return 0;
}

/* What is cut now is whole again, until the stream says otherwise. */
static int vgpu_sw_pre_load(void *opaque)
{
    VGPUSWState *s = opaque;

    vgpu_sw_metadata_set_flags(&s->meta, 0);
    return 0;
}

static const VMStateDescription vmstate_vgpu_sw = {
    .name = "vgpu-sw",
    .version_id = 3,            /* 2 had no faults of the EDID */
    .minimum_version_id = 3,
    .pre_load = vgpu_sw_pre_load,
    .post_load = vgpu_sw_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(pci, VGPUSWState),
        VMSTATE_UINT32_EQUAL(source.kinds, VGPUSWState,
                             "x-kind must be what it is at the source"),
        VMSTATE_UINT32_2DARRAY(planes.pending, VGPUSWState, VGPU_SW_PLANES,
                               VGPU_SW_PLANE_REGS),
        VMSTATE_UINT32_2DARRAY(planes.shown, VGPUSWState, VGPU_SW_PLANES,
                               VGPU_SW_PLANE_REGS),
        VMSTATE_UINT32(planes.commits, VGPUSWState),
        VMSTATE_UINT32(planes.flips, VGPUSWState),
        VMSTATE_UINT32_ARRAY(planes.damage.rect, VGPUSWState, 4),
        VMSTATE_UINT32(planes.damage.reported, VGPUSWState),
        VMSTATE_UINT32_ARRAY(source.calls, VGPUSWState, VGPU_SW_CALLS),
        VMSTATE_STRUCT_ARRAY(source.faults, VGPUSWState, VGPU_SW_CALLS, 1,
                             vmstate_vgpu_sw_fault, VGPUSWFault),
        VMSTATE_UINT32(source.refused, VGPUSWState),
        VMSTATE_UINT32(buffers.flags, VGPUSWState),
        VMSTATE_UINT32(buffers.copy, VGPUSWState),
        VMSTATE_UINT32(source.region_index, VGPUSWState),
        VMSTATE_UINT32(source.region_flags, VGPUSWState),
        VMSTATE_UINT32(irq.signals, VGPUSWState),
        VMSTATE_UINT32(irq.storm_rate, VGPUSWState),
        VMSTATE_UINT32(irq.flags, VGPUSWState),
        VMSTATE_UINT32(meta.flags, VGPUSWState),
        VMSTATE_UINT32(meta.poke_offset, VGPUSWState),
        VMSTATE_UINT32(meta.poke_value, VGPUSWState),
        VMSTATE_UINT32(meta.requests, VGPUSWState),
        VMSTATE_STRUCT(edid, VGPUSWState, 1, vmstate_vgpu_sw_edid,
                       VGPUSWEdid),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_vgpu_sw_display,
        NULL
    },
};

static bool parse_properties(VGPUSWState *s, Error **errp)
{
    static const struct {
        const char *name;
        uint32_t kinds;
    } all[] = {
        { "dmabuf", VGPU_SW_KIND_DMABUF },
        { "region", VGPU_SW_KIND_REGION },
        { "both", VGPU_SW_KIND_DMABUF | VGPU_SW_KIND_REGION },
        { "metadata", VGPU_SW_KIND_METADATA },
        { "all", VGPU_SW_KIND_DMABUF | VGPU_SW_KIND_REGION |
                 VGPU_SW_KIND_METADATA },
    };
    uint64_t vram_size = s->buffers.vram_size;
    int i;

    for (i = 0; i < ARRAY_SIZE(all); i++) {
        if (g_str_equal(s->kind ?: "both", all[i].name)) {
            break;
        }
    }
    if (i == ARRAY_SIZE(all)) {
        error_setg(errp, "x-kind must be dmabuf, region, both, metadata or "
                   "all");
        return false;
    }
    s->source.kinds = all[i].kinds;
    if (s->source.overlays > VGPU_SW_OVERLAYS) {
        error_setg(errp, "overlays must be at most %d", VGPU_SW_OVERLAYS);
        return false;
    }
    if (s->has_irq) {
        s->source.kinds |= VGPU_SW_KIND_IRQ;
    }
    if (s->source.overlays && s->source.kinds & VGPU_SW_KIND_DMABUF) {
        s->source.kinds |= VGPU_SW_KIND_OVERLAYS;
    }
    if (!pixel_path_parse(s->path ?: "auto", &s->config.path)) {
        error_setg(errp, "x-display-path must be auto, mmap, region, "
                   "metadata or gl");
        return false;
    }
    if (!is_power_of_2(vram_size) || vram_size < 1 * MiB ||
        vram_size > 1 * GiB) {
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

    if (!s->config.ramfb) {
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

    if (!parse_properties(s, errp) || !check_ramfb(s, errp) ||
        !vgpu_sw_buffers_realize(&s->buffers, OBJECT(s), errp)) {
        return;
    }
    vgpu_sw_init_registers(s);
    memory_region_init_io(&s->regs, OBJECT(s), &vgpu_sw_regs_ops, s,
                          "vgpu-sw-regs", VGPU_SW_BAR_REGS_SIZE);
    pci_register_bar(pci, VGPU_SW_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->regs);
    pci_register_bar(pci, VGPU_SW_BAR_VRAM, PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &s->buffers.vram);

    s->dpy = vfio_display_new(DEVICE(s), &vgpu_sw_source_ops, &s->source,
                              &s->config, errp);
    if (s->dpy) {
        vmstate_register_ram(&s->buffers.vram, DEVICE(s));
    }
}

static void vgpu_sw_exit(PCIDevice *pci)
{
    VGPUSWState *s = VGPU_SW(pci);

    vmstate_unregister_ram(&s->buffers.vram, DEVICE(s));
    vfio_display_free(s->dpy);
    s->dpy = NULL;
}

static void vgpu_sw_instance_init(Object *obj)
{
    VGPUSWState *s = VGPU_SW(obj);

    vgpu_sw_buffers_init(&s->buffers);
    vgpu_sw_metadata_init(&s->meta, &s->planes, &s->buffers, &s->irq);
    s->source.planes = &s->planes;
    s->source.buffers = &s->buffers;
    s->source.edid = &s->edid;
    s->source.irq = &s->irq;
    s->source.meta = &s->meta;
}

static void vgpu_sw_instance_finalize(Object *obj)
{
    vgpu_sw_buffers_finish(&VGPU_SW(obj)->buffers);
}

static const Property vgpu_sw_properties[] = {
    DEFINE_PROP_SIZE("vram", VGPUSWState, buffers.vram_size, 64 * MiB),
    DEFINE_PROP_UINT32("overlays", VGPUSWState, source.overlays,
                       VGPU_SW_OVERLAYS),
    DEFINE_PROP_STRING("x-kind", VGPUSWState, kind),
    DEFINE_PROP_STRING("x-display-path", VGPUSWState, path),
    DEFINE_PROP_ON_OFF_AUTO("udmabuf", VGPUSWState, buffers.udmabuf,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("irq", VGPUSWState, has_irq, false),
    DEFINE_PROP_BOOL("x-metadata-mmap", VGPUSWState, meta.mmap, true),
    DEFINE_PROP_BOOL("edid", VGPUSWState, source.has_edid, true),
    DEFINE_PROP_UINT32("xres", VGPUSWState, config.xres, 0),
    DEFINE_PROP_UINT32("yres", VGPUSWState, config.yres, 0),
    DEFINE_PROP_UINT32("xmax", VGPUSWState, edid.max_xres, 3840),
    DEFINE_PROP_UINT32("ymax", VGPUSWState, edid.max_yres, 2160),
    DEFINE_PROP_BOOL("ramfb", VGPUSWState, config.ramfb, false),
    DEFINE_PROP_BOOL("x-screendump-cursor", VGPUSWState,
                     config.screendump_cursor, false),
    DEFINE_PROP_BOOL("x-software-import", VGPUSWState, config.software_import,
                     false),
    DEFINE_PROP_UINT32("x-read-ns-per-kib", VGPUSWState,
                       config.slow_ns_per_kib, 0),
};

/* @data is const or not, as QEMU's release has it. */
static void vgpu_sw_class_init(ObjectClass *klass,
                               typeof(((TypeInfo *)0)->class_data) data)
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

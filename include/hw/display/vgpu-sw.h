/*
 * Registers of the software vGPU, a test and demo device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_H
#define HW_DISPLAY_VGPU_SW_H

/*
 * From the range that docs/specs/pci-ids.rst leaves to experiments. A device
 * that is meant to stay needs a registered one.
 */
#define VGPU_SW_PCI_VENDOR              0x1af4
#define VGPU_SW_PCI_DEVICE              0x10f0

#define VGPU_SW_BAR_REGS                0
#define VGPU_SW_BAR_VRAM                2

/*
 * Offsets in the register BAR. All registers are 32 bits wide, little-endian
 * and are accessed whole. See docs/system/devices/vgpu-sw.rst.
 */
#define VGPU_SW_BAR_REGS_SIZE           0x1000

#define VGPU_SW_MAGIC                   0x000   /* ro: VGPU_SW_MAGIC_VALUE */
#define VGPU_SW_VRAM_SIZE               0x004   /* ro: bytes */
#define VGPU_SW_KINDS                   0x008   /* ro: VGPU_SW_KIND_* */

/*
 * All planes take effect at once, by a write to COMMIT. A write to FLIP shows
 * the primary plane from another place in the VRAM, in pages of 4096 bytes,
 * at once and without the rest; it sets OFFSET too, and the dma-buf id if
 * that is automatic.
 */
#define VGPU_SW_COMMIT                  0x040   /* read: commits since reset */
#define VGPU_SW_FLIP                    0x044   /* read: flips since reset */

/*
 * What the guest drew into the planes that are on screen. A write to
 * DAMAGE_ADD adds the primary plane's rectangle in the registers before it.
 * While DAMAGE_REPORTED is 0 the guest says nothing and all may have changed.
 */
#define VGPU_SW_DAMAGE_X                0x060   /* pixels */
#define VGPU_SW_DAMAGE_Y                0x064
#define VGPU_SW_DAMAGE_WIDTH            0x068
#define VGPU_SW_DAMAGE_HEIGHT           0x06c
#define VGPU_SW_DAMAGE_ADD              0x070   /* wo: any value */
#define VGPU_SW_DAMAGE_REPORTED         0x074   /* 1: the guest reports all */

/* How often the display asked, since reset. */
#define VGPU_SW_QUERIES                 0x050   /* ro */
#define VGPU_SW_GETS                    0x054   /* ro */
#define VGPU_SW_OPENS                   0x058   /* ro */
#define VGPU_SW_READS                   0x05c   /* ro */

/*
 * The next COUNT calls of that kind fail with ERRNO (Linux's number);
 * VGPU_SW_FOREVER: every call does.
 */
#define VGPU_SW_FAULTS                  0x080
#define VGPU_SW_FAULT_COUNT(call)       (VGPU_SW_FAULTS + 8 * (call))
#define VGPU_SW_FAULT_ERRNO(call)       (VGPU_SW_FAULTS + 8 * (call) + 4)
#define VGPU_SW_FAULTS_END              VGPU_SW_FAULT_COUNT(VGPU_SW_CALLS)
#define VGPU_SW_FOREVER                 0xffffffff

#define VGPU_SW_CALL_QUERY              0
#define VGPU_SW_CALL_GET                1
#define VGPU_SW_CALL_OPEN               2
#define VGPU_SW_CALL_READ               3
#define VGPU_SW_CALL_EDID               4   /* writes of the EDID's bytes */
#define VGPU_SW_CALLS                   5

/* Planes whose queries fail besides: 1 << VGPU_SW_CURSOR */
#define VGPU_SW_REFUSED                 0x078

/* What a dma-buf is that is given from now on. */
#define VGPU_SW_BUFFER_FLAGS            0x0c0   /* VGPU_SW_BUFFER_* */
#define VGPU_SW_BUFFER_COPY             0x0c4   /* bytes of VRAM copied to it */
#define VGPU_SW_BUFFER_CUT              0x0c8   /* wo: cut last copy to that */

/* What a region is that is opened from now on. */
#define VGPU_SW_REGION_INDEX            0x0d0   /* as reported */
#define VGPU_SW_REGION_FLAGS            0x0d4   /* VGPU_SW_REGION_* */

/* The display interrupt, with irq=on: signalled by COMMIT, FLIP, DAMAGE_ADD. */
#define VGPU_SW_IRQ_SIGNALS             0x0e0   /* ro: how often, since reset */
#define VGPU_SW_IRQ_STORM               0x0e4   /* signals per s besides */
#define VGPU_SW_IRQ_FLAGS               0x0e8   /* VGPU_SW_IRQ_* */

/* The metadata page, with x-kind=metadata or all (vfio-gfx-ext.h). */
#define VGPU_SW_META_FLAGS              0x0f0   /* VGPU_SW_META_* */
#define VGPU_SW_META_POKE_OFFSET        0x0f4   /* bytes in the page */
#define VGPU_SW_META_POKE_VALUE         0x0f8   /* what an answer has there */
#define VGPU_SW_META_REQUESTS           0x0fc   /* ro: since reset */

/*
 * The planes. The names are those of the primary's registers;
 * VGPU_SW_PLANE_REG(plane, register) is another plane's. What a plane has no
 * use for is ignored.
 */
#define VGPU_SW_PRIMARY                 0
#define VGPU_SW_CURSOR                  1
#define VGPU_SW_OVERLAY(index)          (2 + (index))
#define VGPU_SW_OVERLAYS                4
#define VGPU_SW_PLANES                  (2 + VGPU_SW_OVERLAYS)
#define VGPU_SW_PLANE_REG(plane, reg)   ((reg) + 0x40 * (plane))

#define VGPU_SW_PLANE                   0x200
#define VGPU_SW_ENABLE                  0x200   /* 0: the plane is off */
#define VGPU_SW_WIDTH                   0x204   /* pixels */
#define VGPU_SW_HEIGHT                  0x208   /* pixels */
#define VGPU_SW_STRIDE                  0x20c   /* bytes */
#define VGPU_SW_FOURCC                  0x210   /* DRM_FORMAT_* */
#define VGPU_SW_MODIFIER_LO             0x214   /* DRM_FORMAT_MOD_* */
#define VGPU_SW_MODIFIER_HI             0x218
#define VGPU_SW_OFFSET_LO               0x21c   /* bytes into the VRAM */
#define VGPU_SW_OFFSET_HI               0x220
#define VGPU_SW_ID                      0x224   /* dma-buf id, 0: automatic */
#define VGPU_SW_X                       0x228   /* signed, of the left edge */
#define VGPU_SW_Y                       0x22c   /* signed, of the top edge */
#define VGPU_SW_HOT_X                   0x230   /* pixels, ~0: unknown */
#define VGPU_SW_HOT_Y                   0x234
#define VGPU_SW_ZPOS                    0x238   /* 0 to 255, overlays */
#define VGPU_SW_PLANE_FLAGS             0x23c   /* VGPU_SW_PLANE_* below */
#define VGPU_SW_PLANE_END               0x240   /* of the primary's */
#define VGPU_SW_PLANES_END              VGPU_SW_PLANE_REG(VGPU_SW_PLANES, \
                                                          VGPU_SW_PLANE)

#define VGPU_SW_PLANE_STRAIGHT          (1 << 0)    /* alpha not multiplied */

/* The monitor. The EDID reads as zeros while the link is down. */
#define VGPU_SW_LINK                    0x100   /* ro: 1 if it is up */
#define VGPU_SW_EDID_SIZE               0x104   /* ro: bytes */
#define VGPU_SW_LINK_DOWNS              0x108   /* ro: how often it went down */
#define VGPU_SW_EDID                    0x400   /* ro */
#define VGPU_SW_EDID_MAX                0x400

#define VGPU_SW_MAGIC_VALUE             0x57535056  /* "VPSW" */

#define VGPU_SW_KIND_DMABUF             (1 << 0)
#define VGPU_SW_KIND_REGION             (1 << 1)
#define VGPU_SW_KIND_METADATA           (1 << 2)
#define VGPU_SW_KIND_OVERLAYS           (1 << 3)
#define VGPU_SW_KIND_IRQ                (1 << 4)

#define VGPU_SW_BUFFER_NO_MAP           (1 << 0)    /* not readable, no mmap */

#define VGPU_SW_IRQ_MUTE                (1 << 0)    /* no more signals */
#define VGPU_SW_IRQ_STORM_MAX           1000000

#define VGPU_SW_META_SILENT             (1 << 0)    /* answers wait */
#define VGPU_SW_META_ODD                (1 << 1)    /* generation stays odd */
#define VGPU_SW_META_POKE               (1 << 2)    /* a word is wrong */
#define VGPU_SW_META_CUT                (1 << 3)    /* the region is gone */
#define VGPU_SW_META_REFUSE             (1 << 4)    /* requests fail */

#define VGPU_SW_REGION_NO_MAP           (1 << 0)    /* not mapped, only read */
#define VGPU_SW_REGION_NO_READ          (1 << 1)    /* not read, only mapped */
#define VGPU_SW_REGION_PART             (1 << 2)    /* mapped so far: */
#define VGPU_SW_REGION_PART_BYTES       (1 << 20)

/*
 * The region that there is. It lies past the nine that vfio-pci devices count
 * (VFIO_PCI_NUM_REGIONS), as that of the drivers that have one does.
 */
#define VGPU_SW_REGION                  9

#endif /* HW_DISPLAY_VGPU_SW_H */

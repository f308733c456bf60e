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

/* The primary plane. Takes effect as a whole, by a write to COMMIT. */
#define VGPU_SW_PLANE                   0x010
#define VGPU_SW_ENABLE                  0x010   /* 0: the plane is off */
#define VGPU_SW_WIDTH                   0x014   /* pixels */
#define VGPU_SW_HEIGHT                  0x018   /* pixels */
#define VGPU_SW_STRIDE                  0x01c   /* bytes */
#define VGPU_SW_FOURCC                  0x020   /* DRM_FORMAT_* */
#define VGPU_SW_MODIFIER_LO             0x024   /* DRM_FORMAT_MOD_* */
#define VGPU_SW_MODIFIER_HI             0x028
#define VGPU_SW_OFFSET_LO               0x02c   /* bytes into the VRAM */
#define VGPU_SW_OFFSET_HI               0x030
#define VGPU_SW_ID                      0x034   /* dma-buf id */
#define VGPU_SW_PLANE_END               0x038

#define VGPU_SW_COMMIT                  0x040   /* read: commits since reset */

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
#define VGPU_SW_CALLS                   4

/* What a dma-buf is that is given from now on. */
#define VGPU_SW_BUFFER_FLAGS            0x0c0   /* VGPU_SW_BUFFER_* */
#define VGPU_SW_BUFFER_COPY             0x0c4   /* bytes of VRAM copied to it */
#define VGPU_SW_BUFFER_CUT              0x0c8   /* wo: cut last copy to that */

/* What a region is that is opened from now on. */
#define VGPU_SW_REGION_INDEX            0x0d0   /* as reported */
#define VGPU_SW_REGION_FLAGS            0x0d4   /* VGPU_SW_REGION_* */

/* The monitor. The EDID reads as zeros while the link is down. */
#define VGPU_SW_LINK                    0x100   /* ro: 1 if it is up */
#define VGPU_SW_EDID_SIZE               0x104   /* ro: bytes */
#define VGPU_SW_EDID                    0x400   /* ro */
#define VGPU_SW_EDID_MAX                0x400

#define VGPU_SW_MAGIC_VALUE             0x57535056  /* "VPSW" */

#define VGPU_SW_KIND_DMABUF             (1 << 0)
#define VGPU_SW_KIND_REGION             (1 << 1)

#define VGPU_SW_BUFFER_NO_MAP           (1 << 0)    /* not readable, no mmap */

#define VGPU_SW_REGION_NO_MAP           (1 << 0)    /* not mapped, only read */

/*
 * The region that there is. It lies past the nine that vfio-pci devices count
 * (VFIO_PCI_NUM_REGIONS), as that of the drivers that have one does.
 */
#define VGPU_SW_REGION                  9

#endif /* HW_DISPLAY_VGPU_SW_H */

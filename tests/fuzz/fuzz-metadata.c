/*
 * Fuzzing the reader of the metadata page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/display/vfio-metadata.h"
#include "fuzz.h"

typedef struct Input {
    uint64_t pixels;
    struct vfio_gfx_meta page;
} Input;

/* A page whose words change while they are read, as a driver's may. */
typedef struct Page {
    const uint8_t *data;
    size_t len;
    size_t at;
} Page;

static bool read_page(void *opaque, void *buf, size_t len, uint64_t offset)
{
    Page *page = opaque;

    FUZZ_CHECK(offset % 4 == 0 && len % 4 == 0);
    FUZZ_CHECK(offset + len <= sizeof(struct vfio_gfx_meta));
    if (page->len - page->at < len) {
        return false;
    }
    memcpy(buf, page->data + page->at, len);
    page->at += len;
    return true;
}

static void check_plane(const VFIOPlane *plane, VFIOPlaneFault fault,
                        uint64_t pixels)
{
    uint64_t end;

    vfio_plane_fault_name(fault);
    if (fault == VFIO_PLANE_FAULT_NONE && !vfio_plane_is_off(plane)) {
        FUZZ_CHECK(vfio_plane_end(plane, &end) && end <= pixels);
        FUZZ_CHECK(vfio_plane_rows_within(plane, pixels) == plane->height);
    }
}

static void check(const struct vfio_gfx_meta *raw, uint64_t pixels)
{
    VFIOMetadata meta;

    if (!vfio_metadata_parse(raw, pixels, &meta)) {
        return;
    }
    FUZZ_CHECK(meta.n_damage <= VFIO_GFX_META_MAX_DAMAGE);
    FUZZ_CHECK(meta.status <= VFIO_GFX_META_ERROR);
    FUZZ_CHECK(meta.status != VFIO_GFX_META_ERROR || meta.error);
    check_plane(&meta.plane, meta.fault, pixels);
    check_plane(&meta.cursor, meta.cursor_fault, pixels);
    for (size_t i = 0; i < meta.n_damage; i++) {
        const pixman_box32_t *box = &meta.damage[i];

        FUZZ_CHECK(0 <= box->x1 && box->x1 < box->x2);
        FUZZ_CHECK(0 <= box->y1 && box->y1 < box->y2);
        FUZZ_CHECK((uint32_t)box->x2 <= meta.plane.width);
        FUZZ_CHECK((uint32_t)box->y2 <= meta.plane.height);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Page page = { .data = data, .len = size };
    struct vfio_gfx_meta raw;
    Input input;

    if (vfio_metadata_copy(read_page, &page, &raw)) {
        check(&raw, size);
    }
    if (size >= sizeof(input)) {
        memcpy(&input, data, sizeof(input));
        check(&input.page, input.pixels);
    }
    return 0;
}

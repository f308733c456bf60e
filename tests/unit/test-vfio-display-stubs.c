/*
 * vGPU display: what is said where it is not built
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-display.h"
#include "monitor/monitor.h"
#include "qapi/error.h"

/* What a device has; it is the source's opaque. */
typedef struct Device {
    const char *name;
    bool dmabuf;
    bool region;
    bool metadata;
} Device;

static int opened;

/* In the place of the monitor. */
int monitor_printf(Monitor *mon, const char *fmt, ...)
{
    g_assert_not_reached();
}

static bool probe(void *opaque, VFIOPlaneKind kind)
{
    const Device *device = opaque;

    return kind == VFIO_PLANE_KIND_DMABUF ? device->dmabuf : device->region;
}

static int open_metadata(void *opaque, VFIODisplayRegion *region)
{
    const Device *device = opaque;

    opened += device->metadata;
    return device->metadata ? 0 : -ENOENT;
}

static void close_metadata(void *opaque)
{
    opened--;
}

/* Who has a display is told that QEMU lacks something, and nobody else. */
static void test_new(void)
{
    static const VFIODisplayOps with_page = {
        .probe = probe,
        .open_metadata = open_metadata,
        .close_metadata = close_metadata,
    };
    static const VFIODisplayOps without = { .probe = probe };
    static const VFIODisplayConfig config;
    static Device devices[] = {
        { .name = "none" },
        { .name = "dma-bufs", .dmabuf = true },
        { .name = "region", .region = true },
        { .name = "metadata page", .metadata = true },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        Device *d = &devices[i];
        Error *err = NULL;

        g_test_message("%s", d->name);
        g_assert_null(vfio_display_new(NULL, &with_page, d, &config, &err));
        g_assert_cmpint(opened, ==, 0);
        if (d->dmabuf || d->region || d->metadata) {
            g_assert_nonnull(strstr(error_get_pretty(err), "pixman"));
            error_free(err);
        } else {
            g_assert_null(err);
        }
    }
    g_assert_null(vfio_display_new(NULL, &without, &devices[3], &config,
                                   &error_abort));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vfio-display-stubs/new", test_new);
    return g_test_run();
}

/*
 * A display device of the kernel: its monitors and its memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <sys/mman.h>

#include "kms-device.h"

typedef struct KmsFb {
    int fd;
    uint32_t fb;                /* 0: the device does not take the buffer */
} KmsFb;

char *kms_device_path(int number)
{
    return g_strdup_printf("/dev/dri/card%d", number);
}

bool kms_device_begin(int fd, Error **errp)
{
    if (drmSetClientCap(fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1) < 0 ||
        drmSetClientCap(fd, DRM_CLIENT_CAP_ATOMIC, 1) < 0) {
        error_setg_errno(errp, errno, "The driver has no atomic mode setting");
        return false;
    }
    return true;
}

static void connector_clear(gpointer opaque)
{
    KmsConnector *connector = opaque;

    g_array_unref(connector->modes);
}

static void connector_find_crtcs(int fd, const drmModeConnector *info,
                                 KmsConnector *connector)
{
    for (int i = 0; i < info->count_encoders; i++) {
        drmModeEncoder *encoder = drmModeGetEncoder(fd, info->encoders[i]);

        if (!encoder) {
            continue;
        }
        connector->crtcs |= encoder->possible_crtcs;
        if (encoder->encoder_id == info->encoder_id) {
            connector->crtc = encoder->crtc_id;
        }
        drmModeFreeEncoder(encoder);
    }
}

GArray *kms_connectors(int fd)
{
    GArray *connectors = g_array_new(FALSE, TRUE, sizeof(KmsConnector));
    drmModeRes *resources = drmModeGetResources(fd);

    g_array_set_clear_func(connectors, connector_clear);
    for (int i = 0; resources && i < resources->count_connectors; i++) {
        drmModeConnector *info =
            drmModeGetConnector(fd, resources->connectors[i]);
        const char *type;
        KmsConnector connector = { 0 };

        if (!info) {
            continue;
        }
        type = drmModeGetConnectorTypeName(info->connector_type);
        connector.id = info->connector_id;
        snprintf(connector.name, sizeof(connector.name), "%s-%u",
                 type ?: "Unknown", info->connector_type_id);
        connector.connected = info->connection == DRM_MODE_CONNECTED &&
                              info->count_modes;
        connector.width_mm = info->mmWidth;
        connector.height_mm = info->mmHeight;
        connector_find_crtcs(fd, info, &connector);
        connector.modes = g_array_new(FALSE, FALSE, sizeof(drmModeModeInfo));
        g_array_append_vals(connector.modes, info->modes, info->count_modes);
        g_array_append_val(connectors, connector);
        drmModeFreeConnector(info);
    }
    drmModeFreeResources(resources);
    return connectors;
}

const KmsConnector *kms_choose_connector(GArray *connectors, const char *name)
{
    for (guint i = 0; i < connectors->len; i++) {
        const KmsConnector *connector =
            &g_array_index(connectors, KmsConnector, i);

        if (name ? !strcmp(connector->name, name) : connector->connected) {
            return connector;
        }
    }
    return NULL;
}

ScreenMode kms_mode(const drmModeModeInfo *info)
{
    uint64_t pixels = (uint64_t)info->htotal * info->vtotal;
    uint64_t refresh = pixels ? info->clock * 1000000ull / pixels : 0;

    if (info->flags & DRM_MODE_FLAG_INTERLACE) {
        refresh *= 2;
    }
    if (info->flags & DRM_MODE_FLAG_DBLSCAN) {
        refresh /= 2;
    }
    return (ScreenMode) {
        .width = info->hdisplay,
        .height = info->vdisplay,
        .refresh_mhz = refresh,
        .preferred = info->type & DRM_MODE_TYPE_PREFERRED,
    };
}

/* Its value, too */
static uint32_t find_property(int fd, uint32_t object, uint32_t type,
                              const char *name, uint64_t *value)
{
    drmModeObjectProperties *all =
        drmModeObjectGetProperties(fd, object, type);
    uint32_t found = 0;

    for (uint32_t i = 0; all && i < all->count_props && !found; i++) {
        drmModePropertyRes *property = drmModeGetProperty(fd, all->props[i]);

        if (property && !strcmp(property->name, name)) {
            found = property->prop_id;
            *value = all->prop_values[i];
        }
        drmModeFreeProperty(property);
    }
    drmModeFreeObjectProperties(all);
    return found;
}

uint32_t kms_property(int fd, uint32_t object, uint32_t type,
                      const char *name)
{
    uint64_t value;

    return find_property(fd, object, type, name, &value);
}

static void print_planes(int fd, const KmsConnector *connector)
{
    drmModePlaneRes *planes = drmModeGetPlaneResources(fd);
    int count[3] = { 0 };

    for (uint32_t i = 0; planes && i < planes->count_planes; i++) {
        drmModePlane *plane = drmModeGetPlane(fd, planes->planes[i]);
        uint64_t type;

        if (plane && plane->possible_crtcs & connector->crtcs &&
            find_property(fd, plane->plane_id, DRM_MODE_OBJECT_PLANE, "type",
                          &type) && type < ARRAY_SIZE(count)) {
            count[type]++;
        }
        drmModeFreePlane(plane);
    }
    drmModeFreePlaneResources(planes);
    printf("  planes: %d primary, %d overlay, %d cursor\n",
           count[DRM_PLANE_TYPE_PRIMARY], count[DRM_PLANE_TYPE_OVERLAY],
           count[DRM_PLANE_TYPE_CURSOR]);
}

void kms_print(int fd, int number)
{
    GArray *connectors = kms_connectors(fd);
    drmVersion *version = drmGetVersion(fd);

    for (guint i = 0; i < connectors->len; i++) {
        const KmsConnector *connector =
            &g_array_index(connectors, KmsConnector, i);

        printf("%s (card%d, %s): %s\n", connector->name, number,
               version ? version->name : "unknown",
               connector->connected ? "connected" : "no monitor");
        print_planes(fd, connector);
        for (guint j = 0; j < connector->modes->len; j++) {
            ScreenMode mode = kms_mode(
                &g_array_index(connector->modes, drmModeModeInfo, j));

            printf("  %dx%d %d.%03d Hz%s\n", mode.width, mode.height,
                   mode.refresh_mhz / 1000, mode.refresh_mhz % 1000,
                   mode.preferred ? " preferred" : "");
        }
    }
    drmFreeVersion(version);
    g_array_unref(connectors);
}

char *kms_master(int number)
{
    g_autofree char *path =
        g_strdup_printf("/sys/kernel/debug/dri/%d/clients", number);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return NULL;
    }
    lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i]; i++) {
        char name[64], master;
        int pid;

        if (sscanf(lines[i], " %63s %d %*d %c", name, &pid, &master) == 3 &&
            master == 'y') {
            return g_strdup_printf("%s (process %d)", name, pid);
        }
    }
    return NULL;
}

static bool dumb_map(KmsDumb *dumb, int width, int height, uint32_t fourcc)
{
    uint32_t stride, handles[4] = { 0 }, strides[4] = { 0 };
    uint32_t offsets[4] = { 0 };
    uint64_t size, offset;
    void *memory;

    if (drmModeCreateDumbBuffer(dumb->fd, width, height, 32, 0,
                                &dumb->handle, &stride, &size) < 0) {
        return false;
    }
    handles[0] = dumb->handle;
    strides[0] = stride;
    if (drmModeAddFB2(dumb->fd, width, height, fourcc, handles, strides,
                      offsets, &dumb->fb, 0) < 0 ||
        drmModeMapDumbBuffer(dumb->fd, dumb->handle, &offset) < 0) {
        return false;
    }
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dumb->fd,
                  offset);
    if (memory == MAP_FAILED) {
        return false;
    }
    memset(memory, 0, size);
    dumb->memory = memory;
    dumb->size = size;
    dumb->image = pixman_image_create_bits(
        fourcc == DRM_FORMAT_ARGB8888 ? PIXMAN_a8r8g8b8 : PIXMAN_x8r8g8b8,
        width, height, memory, stride);
    return dumb->image != NULL;
}

KmsDumb *kms_dumb_new(int fd, int width, int height, uint32_t fourcc)
{
    KmsDumb *dumb = g_new0(KmsDumb, 1);

    dumb->fd = fd;
    pixman_region32_init_rect(&dumb->stale, 0, 0, width, height);
    if (!dumb_map(dumb, width, height, fourcc)) {
        int code = errno;

        kms_dumb_free(dumb);
        errno = code;
        return NULL;
    }
    return dumb;
}

void kms_dumb_free(KmsDumb *dumb)
{
    if (!dumb) {
        return;
    }
    if (dumb->image) {
        pixman_image_unref(dumb->image);
    }
    if (dumb->memory) {
        munmap(dumb->memory, dumb->size);
    }
    if (dumb->fb) {
        drmModeRmFB(dumb->fd, dumb->fb);
    }
    if (dumb->handle) {
        drmModeDestroyDumbBuffer(dumb->fd, dumb->handle);
    }
    pixman_region32_fini(&dumb->stale);
    g_free(dumb);
}

static void fb_free(void *opaque)
{
    KmsFb *fb = opaque;

    if (fb->fb) {
        drmModeRmFB(fb->fd, fb->fb);
    }
    g_free(fb);
}

/* One that is there for several planes is closed once. */
static void close_handles(int fd, const uint32_t *handles, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bool closed = false;

        for (unsigned j = 0; j < i; j++) {
            closed |= handles[j] == handles[i];
        }
        if (handles[i] && !closed) {
            drmCloseBufferHandle(fd, handles[i]);
        }
    }
}

static uint32_t add_fb(int fd, const ScreenBuffer *buffer,
                       const uint32_t *handles)
{
    uint64_t modifiers[4] = { 0 };
    uint64_t takes_modifiers = 0;
    uint32_t fb = 0;

    for (unsigned i = 0; i < buffer->num_planes; i++) {
        modifiers[i] = buffer->modifier;
    }
    drmGetCap(fd, DRM_CAP_ADDFB2_MODIFIERS, &takes_modifiers);
    if (takes_modifiers && buffer->modifier != DRM_FORMAT_MOD_INVALID) {
        drmModeAddFB2WithModifiers(fd, buffer->width, buffer->height,
                                   buffer->fourcc, handles, buffer->strides,
                                   buffer->offsets, modifiers, &fb,
                                   DRM_MODE_FB_MODIFIERS);
    } else if (buffer->modifier == DRM_FORMAT_MOD_LINEAR ||
               buffer->modifier == DRM_FORMAT_MOD_INVALID) {
        drmModeAddFB2(fd, buffer->width, buffer->height, buffer->fourcc,
                      handles, buffer->strides, buffer->offsets, &fb, 0);
    }
    return fb;
}

uint32_t kms_import(int fd, ScreenBuffer *buffer)
{
    uint32_t handles[4] = { 0 };
    KmsFb *fb = buffer->import;
    bool all = true;

    if (!buffer->num_planes || fb) {
        return fb ? fb->fb : 0;
    }
    fb = g_new0(KmsFb, 1);
    fb->fd = fd;
    buffer->import = fb;
    buffer->import_free = fb_free;
    for (unsigned i = 0; i < buffer->num_planes && all; i++) {
        all = drmPrimeFDToHandle(fd, buffer->fds[i], &handles[i]) == 0;
    }
    if (all) {
        fb->fb = add_fb(fd, buffer, handles);
    }
    /* The framebuffer keeps the memory. */
    close_handles(fd, handles, buffer->num_planes);
    return fb->fb;
}

bool kms_refuse(ScreenBuffer *buffer)
{
    KmsFb *fb = buffer->import;

    if (!fb || !fb->fb) {
        return false;
    }
    drmModeRmFB(fb->fd, fb->fb);
    fb->fb = 0;
    return true;
}

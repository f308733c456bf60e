/*
 * A viewer for tests: an RFB client that keeps the picture it is sent
 *
 * As little of RFC 6143 as it takes: version 3.8, no security, raw encoding and
 * the pseudo-encodings DesktopSize, Cursor and Cursor With Alpha. What the
 * server gets wrong ends the test.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "qemu/bswap.h"
#include "vgpu-rfb.h"

#define ENCODING_RAW 0
#define ENCODING_DESKTOP_SIZE -223
#define ENCODING_RICH_CURSOR -239
#define ENCODING_EXTENDED_DESKTOP_SIZE -308
#define ENCODING_ALPHA_CURSOR -314

/* How long a server may take that has something to say. */
#define PATIENCE_MS (120 * 1000)
/* How long to wait for one that may have nothing. */
#define PAUSE_MS 20

struct VGPUViewer {
    int fd;
    VGPUPicture picture;
    VGPUCursor cursor;
};

static void rfb_write(VGPUViewer *viewer, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t done = RETRY_ON_EINTR(send(viewer->fd, p, len, MSG_NOSIGNAL));

        g_assert_cmpint(done, >, 0);
        p += done;
        len -= done;
    }
}

static void rfb_read(VGPUViewer *viewer, void *data, size_t len)
{
    struct pollfd pfd = { .fd = viewer->fd, .events = POLLIN };
    char *p = data;

    while (len) {
        ssize_t done;

        g_assert_cmpint(RETRY_ON_EINTR(poll(&pfd, 1, PATIENCE_MS)), ==, 1);
        done = RETRY_ON_EINTR(read(viewer->fd, p, len));
        g_assert_cmpint(done, >, 0);
        p += done;
        len -= done;
    }
}

static uint8_t rfb_read_u8(VGPUViewer *viewer)
{
    uint8_t value;

    rfb_read(viewer, &value, sizeof(value));
    return value;
}

static uint16_t rfb_read_u16(VGPUViewer *viewer)
{
    uint16_t value;

    rfb_read(viewer, &value, sizeof(value));
    return be16_to_cpu(value);
}

static uint32_t rfb_read_u32(VGPUViewer *viewer)
{
    uint32_t value;

    rfb_read(viewer, &value, sizeof(value));
    return be32_to_cpu(value);
}

static void rfb_skip(VGPUViewer *viewer, size_t len)
{
    while (len--) {
        rfb_read_u8(viewer);
    }
}

/* Server and client agree on the size; what was shown before is void. */
static void resize(VGPUViewer *viewer, uint16_t width, uint16_t height)
{
    g_free(viewer->picture.rgb);
    viewer->picture.width = width;
    viewer->picture.height = height;
    viewer->picture.rgb = g_malloc0((size_t)width * height * 3);
}

static void handshake(VGPUViewer *viewer)
{
    static const char version[] = "RFB 003.008\n";
    char server[sizeof(version) - 1];
    uint8_t types, one = 1;
    bool none = false;
    uint16_t width, height;

    rfb_read(viewer, server, sizeof(server));
    g_assert_cmpmem(server, sizeof(server), version, sizeof(server));
    rfb_write(viewer, version, sizeof(server));
    for (types = rfb_read_u8(viewer); types; types--) {
        none |= rfb_read_u8(viewer) == 1;
    }
    g_assert_true(none);
    rfb_write(viewer, &one, 1);                     /* no security */
    g_assert_cmpuint(rfb_read_u32(viewer), ==, 0);
    rfb_write(viewer, &one, 1);                     /* others may watch */
    width = rfb_read_u16(viewer);
    height = rfb_read_u16(viewer);
    resize(viewer, width, height);
    rfb_skip(viewer, 16);                           /* its pixel format */
    rfb_skip(viewer, rfb_read_u32(viewer));         /* its name */
}

static void say_what_we_take(VGPUViewer *viewer, VGPUCursorKind kind)
{
    static const uint8_t pixel_format[] = {
        0, 0, 0, 0,
        32, 24, 0, 1,           /* little-endian, true colour */
        0, 255, 0, 255, 0, 255,
        16, 8, 0,               /* red, green, blue */
        0, 0, 0,
    };
    static const int32_t encodings[] = {
        ENCODING_RAW, ENCODING_DESKTOP_SIZE,
    };
    static const int32_t cursors[] = {
        [VGPU_CURSOR_RICH] = ENCODING_RICH_CURSOR,
        [VGPU_CURSOR_ALPHA] = ENCODING_ALPHA_CURSOR,
    };
    uint8_t message[4 + 3 * 4] = { 2 };
    size_t count = ARRAY_SIZE(encodings);

    for (size_t i = 0; i < count; i++) {
        stl_be_p(message + 4 + 4 * i, encodings[i]);
    }
    if (kind != VGPU_CURSOR_NONE) {
        stl_be_p(message + 4 + 4 * count++, cursors[kind]);
    }
    stw_be_p(message + 2, count);
    rfb_write(viewer, pixel_format, sizeof(pixel_format));
    rfb_write(viewer, message, 4 + 4 * count);
}

static void ask(VGPUViewer *viewer, bool incremental)
{
    uint8_t request[10] = { 3, incremental };

    stw_be_p(request + 6, viewer->picture.width);
    stw_be_p(request + 8, viewer->picture.height);
    rfb_write(viewer, request, sizeof(request));
}

VGPUViewer *vgpu_viewer_connect(const char *path)
{
    return vgpu_viewer_connect_cursor(path, VGPU_CURSOR_NONE);
}

VGPUViewer *vgpu_viewer_connect_cursor(const char *path, VGPUCursorKind kind)
{
    VGPUViewer *viewer = g_new0(VGPUViewer, 1);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    strcpy(address.sun_path, path);
    viewer->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(viewer->fd, >=, 0);
    g_assert_cmpint(connect(viewer->fd, (struct sockaddr *)&address,
                            sizeof(address)), ==, 0);
    handshake(viewer);
    say_what_we_take(viewer, kind);
    ask(viewer, false);
    return viewer;
}

void vgpu_viewer_close(VGPUViewer *viewer)
{
    close(viewer->fd);
    g_free(viewer->picture.rgb);
    g_free(viewer->cursor.argb);
    g_free(viewer);
}

static void take_raw(VGPUViewer *viewer, unsigned x, unsigned y,
                     unsigned width, unsigned height)
{
    g_autofree uint8_t *row = g_malloc(width * 4);

    g_assert_cmpuint(x + width, <=, viewer->picture.width);
    g_assert_cmpuint(y + height, <=, viewer->picture.height);
    for (unsigned i = 0; i < height; i++) {
        uint8_t *rgb = viewer->picture.rgb +
            ((size_t)(y + i) * viewer->picture.width + x) * 3;

        rfb_read(viewer, row, width * 4);
        for (unsigned j = 0; j < width; j++) {
            *rgb++ = row[4 * j + 2];
            *rgb++ = row[4 * j + 1];
            *rgb++ = row[4 * j];
        }
    }
}

static void new_cursor(VGPUViewer *viewer, unsigned hot_x, unsigned hot_y,
                       unsigned width, unsigned height)
{
    g_free(viewer->cursor.argb);
    viewer->cursor = (VGPUCursor) {
        .count = viewer->cursor.count + 1,
        .width = width,
        .height = height,
        .hot_x = hot_x,
        .hot_y = hot_y,
        .argb = g_new0(uint32_t, (size_t)width * height),
    };
    for (size_t i = 0; i < (size_t)width * height; i++) {
        uint8_t pixel[4];

        rfb_read(viewer, pixel, sizeof(pixel));
        viewer->cursor.argb[i] = ldl_le_p(pixel);
    }
}

/* Pixels, then a mask of those that are there. */
static void take_rich_cursor(VGPUViewer *viewer, unsigned hot_x,
                             unsigned hot_y, unsigned width, unsigned height)
{
    size_t stride = DIV_ROUND_UP(width, 8);
    g_autofree uint8_t *mask = g_malloc(stride * height);

    new_cursor(viewer, hot_x, hot_y, width, height);
    rfb_read(viewer, mask, stride * height);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            uint32_t *pixel = &viewer->cursor.argb[y * width + x];
            bool there = mask[y * stride + x / 8] & 0x80 >> x % 8;

            *pixel = there ? *pixel | 0xff000000 : 0;
        }
    }
}

static void take_alpha_cursor(VGPUViewer *viewer, unsigned hot_x,
                              unsigned hot_y, unsigned width, unsigned height)
{
    g_assert_cmpint(rfb_read_u32(viewer), ==, ENCODING_RAW);
    new_cursor(viewer, hot_x, hot_y, width, height);
}

static void take_update(VGPUViewer *viewer)
{
    uint16_t count;
    bool resized = false;

    rfb_skip(viewer, 1);
    for (count = rfb_read_u16(viewer); count; count--) {
        uint16_t x = rfb_read_u16(viewer), y = rfb_read_u16(viewer);
        uint16_t width = rfb_read_u16(viewer), height = rfb_read_u16(viewer);
        int32_t encoding = rfb_read_u32(viewer);

        if (encoding == ENCODING_DESKTOP_SIZE) {
            resize(viewer, width, height);
            resized = true;
        } else if (encoding == ENCODING_EXTENDED_DESKTOP_SIZE) {
            /* an answer to vgpu_viewer_wish(); the mode follows if it does */
            uint8_t screens = rfb_read_u8(viewer);

            rfb_skip(viewer, 3 + 16 * screens);
        } else if (encoding == ENCODING_RICH_CURSOR) {
            take_rich_cursor(viewer, x, y, width, height);
        } else if (encoding == ENCODING_ALPHA_CURSOR) {
            take_alpha_cursor(viewer, x, y, width, height);
        } else {
            g_assert_cmpint(encoding, ==, ENCODING_RAW);
            take_raw(viewer, x, y, width, height);
        }
    }
    ask(viewer, !resized);
}

static void take_message(VGPUViewer *viewer)
{
    uint8_t type = rfb_read_u8(viewer);

    switch (type) {
    case 0:
        take_update(viewer);
        break;
    case 2: /* bell */
        break;
    case 3: /* clipboard */
        rfb_skip(viewer, 3);
        rfb_skip(viewer, rfb_read_u32(viewer));
        break;
    default:
        g_assert_cmpuint(type, ==, 0);
    }
}

void vgpu_viewer_update(VGPUViewer *viewer)
{
    struct pollfd pfd = { .fd = viewer->fd, .events = POLLIN };

    if (RETRY_ON_EINTR(poll(&pfd, 1, PAUSE_MS)) > 0) {
        take_message(viewer);
    }
}

void vgpu_viewer_move(VGPUViewer *viewer, unsigned x, unsigned y)
{
    uint8_t event[6] = { 5 };

    stw_be_p(event + 2, x);
    stw_be_p(event + 4, y);
    rfb_write(viewer, event, sizeof(event));
}

void vgpu_viewer_wish(VGPUViewer *viewer, unsigned width, unsigned height)
{
    uint8_t message[24] = { 251 };

    stw_be_p(message + 2, width);
    stw_be_p(message + 4, height);
    message[6] = 1;                                 /* one screen */
    stw_be_p(message + 16, width);
    stw_be_p(message + 18, height);
    rfb_write(viewer, message, sizeof(message));
}

const VGPUPicture *vgpu_viewer_picture(const VGPUViewer *viewer)
{
    return &viewer->picture;
}

const VGPUCursor *vgpu_viewer_cursor(const VGPUViewer *viewer)
{
    return &viewer->cursor;
}

/*
 * virtio-gpu with Wayland: memory of the host's that guests map
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cross-domain-memory.h"
#include "virtio-gpu-wayland-memory.h"

/* Pages that nobody has mapped anything to. They cost nothing until touched. */
static bool map_nothing(void *at, uint64_t size)
{
    return mmap(at, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                0) != MAP_FAILED;
}

bool wayland_window_init(WaylandWindow *window, Object *owner,
                         MemoryRegion *bar, Error **errp)
{
    void *ptr;

    window->size = memory_region_size(bar);
    ptr = mmap(NULL, window->size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ptr == MAP_FAILED) {
        error_setg_errno(errp, errno, "no room for hostmem");
        return false;
    }
    window->ptr = ptr;
    memory_region_init_ram_ptr(&window->mr, owner, "virtio-gpu-wayland",
                               window->size, ptr);
    memory_region_add_subregion(bar, 0, &window->mr);
    return true;
}

void wayland_window_fini(WaylandWindow *window, MemoryRegion *bar)
{
    if (window->ptr) {
        memory_region_del_subregion(bar, &window->mr);
        object_unparent(OBJECT(&window->mr));
        munmap(window->ptr, window->size);
        window->ptr = NULL;
    }
}

const char *wayland_window_map(WaylandWindow *window, WaylandBlob *blob,
                               uint64_t offset)
{
    void *at = window->ptr + offset;

    if (blob->mapped) {
        return "it is mapped already";
    }
    if (offset % qemu_real_host_page_size() ||
        offset > window->size || blob->size > window->size - offset) {
        return "it would not be in the window";
    }
    if (mmap(at, blob->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             blob->memfd, 0) == MAP_FAILED) {
        /* What was there may be gone. */
        if (!map_nothing(at, blob->size)) {
            abort();
        }
        return "the host cannot map it";
    }
    blob->mapped = true;
    blob->offset = offset;
    return NULL;
}

void wayland_window_unmap(WaylandWindow *window, WaylandBlob *blob)
{
    if (!blob->mapped) {
        return;
    }
    blob->mapped = false;
    if (!map_nothing(window->ptr + blob->offset, blob->size)) {
        abort();
    }
}

WaylandBlob *wayland_blob_new(int memfd, uint64_t size, int udmabuf)
{
    WaylandBlob *blob = g_new0(WaylandBlob, 1);

    blob->size = size;
    blob->memfd = memfd;
    blob->dmabuf = udmabuf < 0 ? -1 :
        cross_domain_memory_dmabuf(udmabuf, memfd, size);
    return blob;
}

void wayland_blob_free(WaylandBlob *blob)
{
    assert(!blob->mapped);
    if (blob->dmabuf >= 0) {
        close(blob->dmabuf);
    }
    close(blob->memfd);
    g_free(blob);
}

int wayland_blob_dup(const WaylandBlob *blob)
{
    return qemu_dup(blob->dmabuf >= 0 ? blob->dmabuf : blob->memfd);
}

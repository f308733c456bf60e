/*
 * virtio-gpu-wayland as a proxy in its guest has it, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VIRTIO_GPU_WAYLAND_GUEST_H
#define TESTS_QTEST_VIRTIO_GPU_WAYLAND_GUEST_H

#include "libqos/virtio-pci.h"
#include "standard-headers/linux/virtio_gpu.h"
#include "vgpu-fixture.h"

#define GUEST_PAGE 4096
#define GUEST_SLOTS 16

/* No ring, in guest_post(). */
#define GUEST_NO_RING 0xff

typedef struct Guest {
    VGPUMachine *machine;
    QGuestAllocator alloc;
    QVirtioPCIDevice *pci;
    QVirtQueue *queue;
    QVirtQueue *cursor_queue;
    QPCIBar window;             /* where memory of the host's is mapped */
    uint64_t slots;             /* requests and responses */
    uint64_t response;          /* if not 0: where the next ones go */
    bool used[GUEST_SLOTS];
    bool answered[GUEST_SLOTS];
    uint64_t fence;
    char *socket;               /* the compositor's */
    int listener;
} Guest;

/**
 * Connection:
 * @context: its number
 * @query: the address of the ring for layouts
 * @ring: that of the ring for events
 * @fd: the compositor's end
 * @max_ids: of the layout of messages
 *
 * A context that is connected.
 */
typedef struct Connection {
    uint32_t context;
    uint64_t query;
    uint64_t ring;
    int fd;
    unsigned max_ids;
} Connection;

/* A machine with the device and a compositor that listens. */
Guest *guest_start(const char *options);
void guest_stop(Guest *guest);

/* The driver resets the device and sets it up again. */
void guest_reset(Guest *guest);

/* The compositor is gone, or there again. */
void guest_stop_listening(Guest *guest);
void guest_listen(Guest *guest);
int guest_accept(Guest *guest);

/**
 * guest_post:
 * @guest: the guest
 * @type: VIRTIO_GPU_CMD_*
 * @context: a context's number, or 0
 * @ring: GUEST_NO_RING, or the ring whose fence it has
 * @data: a command of @len bytes, header and all
 *
 * Returns: a slot; the command is not waited for
 */
unsigned guest_post(Guest *guest, uint32_t type, uint32_t context,
                    uint8_t ring, void *data, size_t len);
bool guest_is_answered(Guest *guest, unsigned slot);

/* Waits for it, frees the slot. Returns VIRTIO_GPU_RESP_*. */
uint32_t guest_wait(Guest *guest, unsigned slot);

/* The same with the first @size bytes of the response. */
uint32_t guest_wait_response(Guest *guest, unsigned slot, void *response,
                             size_t size);

/* Posts and waits. */
uint32_t guest_command(Guest *guest, uint32_t type, uint32_t context,
                       void *data, size_t len);

uint32_t guest_create_context(Guest *guest, uint32_t context,
                              uint32_t capset);
uint32_t guest_destroy_context(Guest *guest, uint32_t context);

/* Writing 0 there resets the device. */
uint64_t guest_status_register(Guest *guest);

/* A page that is a blob of that number, of @n_entries; attached. */
void guest_create_blob(Guest *guest, uint32_t context, uint32_t resource,
                       const struct virtio_gpu_mem_entry *entries,
                       unsigned n_entries);

/* A page that is a blob of that number, attached. Returns its address. */
uint64_t guest_create_page(Guest *guest, uint32_t context, uint32_t resource);
uint32_t guest_create_host_blob(Guest *guest, uint32_t context,
                                uint32_t resource, uint64_t blob_id,
                                uint64_t size);
uint32_t guest_map(Guest *guest, uint32_t resource, uint64_t offset);
uint32_t guest_unmap(Guest *guest, uint32_t resource);
uint32_t guest_unref(Guest *guest, uint32_t resource);

/* Takes a resource for the cursor, whatever it is. */
void guest_set_cursor(Guest *guest, uint32_t resource);

uint32_t guest_submit(Guest *guest, uint32_t context, const void *buf,
                      size_t len);

/* SUBMIT of a POLL. Returns a slot. */
unsigned guest_poll(Guest *guest, uint32_t context);

/* A context with two rings, the resources 2 * @context and the next. */
Connection guest_connect(Guest *guest, uint32_t context);

/* The same without a compositor. */
uint32_t guest_init(Guest *guest, Connection *connection, uint32_t context);

/* SEND, with numbers and their types. */
uint32_t guest_send(Guest *guest, const Connection *connection,
                    const void *data, size_t len, const uint32_t *ids,
                    const uint32_t *types, unsigned n_ids);

/* Waits for the event of a poll, and reads the ring. */
void guest_event(Guest *guest, const Connection *connection, unsigned poll,
                 uint8_t *ring);

/* The command was done. */
void expect_ok(uint32_t response);

/* The ring has these bytes, and so many numbers. */
void expect_receive(const uint8_t *ring, unsigned n_ids, const void *data,
                    size_t len);

/* Polls, and gets these bytes. */
void expect_message(Guest *guest, const Connection *connection,
                    const void *data, size_t len);

/* The size and the number of an image with 32 bits a pixel. */
uint64_t query_image(Guest *guest, const Connection *connection,
                     uint32_t width, uint32_t height, uint32_t *blob_id);

#endif /* TESTS_QTEST_VIRTIO_GPU_WAYLAND_GUEST_H */

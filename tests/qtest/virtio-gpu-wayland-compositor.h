/*
 * A compositor's end of a connection, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VIRTIO_GPU_WAYLAND_COMPOSITOR_H
#define TESTS_QTEST_VIRTIO_GPU_WAYLAND_COMPOSITOR_H

/* Sends that, at once. */
void say(int fd, const void *data, size_t len);
void say_with_fds(int fd, const void *data, size_t len, const int *fds,
                  unsigned n_fds);

/* Waits for a message. Returns the descriptor that it comes with, or -1. */
int hear(int fd, const char *expected);

/* Waits for the end, and closes it. */
void hear_end(int fd);

/* A new file with that in it. */
int make_file(const void *data, size_t len);

/* A message of Wayland's: its header, and bytes that tell their place. */
void fill_message(uint8_t *data, size_t len);

#endif /* TESTS_QTEST_VIRTIO_GPU_WAYLAND_COMPOSITOR_H */

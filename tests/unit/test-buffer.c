/*
 * QEMU's growing buffer (util/buffer.c): what is in it, and what it costs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/buffer.h"

#define FRAME (1920 * 1080 * 4)

static void append_random(Buffer *buffer, GByteArray *reference, size_t len)
{
    g_autofree uint8_t *data = g_malloc(len);

    for (size_t i = 0; i < len; i++) {
        data[i] = g_test_rand_int();
    }
    buffer_reserve(buffer, len);
    buffer_append(buffer, data, len);
    g_byte_array_append(reference, data, len);
}

static void advance(Buffer *buffer, GByteArray *reference, size_t len)
{
    buffer_advance(buffer, len);
    if (len) {
        g_byte_array_remove_range(reference, 0, len);
    }
}

static void random_step(Buffer *buffer, GByteArray *reference)
{
    Buffer other = { 0 };

    switch (g_test_rand_int_range(0, 8)) {
    case 0 ... 2:
        append_random(buffer, reference, g_test_rand_int_range(1, 20000));
        break;
    case 3 ... 5:
        advance(buffer, reference,
                g_test_rand_int_range(0, buffer->offset + 1));
        break;
    case 6:
        buffer_move(&other, buffer);
        append_random(buffer, reference, g_test_rand_int_range(1, 100));
        buffer_move(&other, buffer);
        buffer_move(buffer, &other);
        break;
    default:
        buffer_reserve(buffer, g_test_rand_int_range(0, 100000));
        break;
    }
    buffer_free(&other);
}

static void test_random(void)
{
    for (int i = 0; i < 20; i++) {
        Buffer buffer = { 0 };
        g_autoptr(GByteArray) reference = g_byte_array_new();

        for (int step = 0; step < 500; step++) {
            random_step(&buffer, reference);
            g_assert_cmpmem(buffer.buffer, buffer.offset,
                            reference->data, reference->len);
            g_assert_cmpint(buffer.capacity, >=, buffer.offset);
        }
        buffer_free(&buffer);
    }
}

/* Sent piece by piece, a frame is not moved. */
static void test_advance(void)
{
    Buffer buffer = { 0 };
    uint8_t *before;

    buffer_reserve(&buffer, FRAME);
    memset(buffer_end(&buffer), 1, FRAME);
    buffer.offset += FRAME;
    before = buffer.buffer;
    for (int sent = 0; sent < FRAME / 2; sent += FRAME / 16) {
        g_assert_true(buffer.buffer == before + sent);
        buffer_advance(&buffer, FRAME / 16);
    }
    buffer_free(&buffer);
}

/* What is left of small messages can be read as words, as it always was. */
static void test_aligned(void)
{
    Buffer buffer = { 0 };
    g_autoptr(GByteArray) reference = g_byte_array_new();

    append_random(&buffer, reference, FRAME);
    for (size_t len = 1; len < 300; len++) {
        advance(&buffer, reference, buffer.offset - 2000);
        g_assert_cmpuint((uintptr_t)buffer.buffer % sizeof(uint64_t), ==, 0);
        advance(&buffer, reference, len);
        g_assert_cmpuint((uintptr_t)buffer.buffer % sizeof(uint64_t), ==, 0);
        append_random(&buffer, reference, 3000 + len * 500);
        g_assert_cmpuint((uintptr_t)buffer.buffer % sizeof(uint64_t), ==, 0);
        g_assert_cmpmem(buffer.buffer, buffer.offset,
                        reference->data, reference->len);
    }
    buffer_free(&buffer);
}

/* All memory is given back at once, whatever was in it, wherever it began. */
static void test_release(void)
{
    Buffer buffer = { 0 };
    g_autoptr(GByteArray) reference = g_byte_array_new();

    buffer_release(&buffer);
    for (int i = 0; i < 3; i++) {
        g_byte_array_set_size(reference, 0);
        append_random(&buffer, reference, 1 << 20);
        advance(&buffer, reference, 100001);
        buffer_release(&buffer);
        g_assert_null(buffer.buffer);
        g_assert_cmpuint(buffer.capacity, ==, 0);
        g_assert_cmpuint(buffer.offset, ==, 0);
        g_assert_cmpuint(buffer.head, ==, 0);
    }
    buffer_free(&buffer);
}

/* What was sent makes room for what comes. */
static void test_room(void)
{
    Buffer buffer = { 0 };
    g_autoptr(GByteArray) reference = g_byte_array_new();
    size_t allocated = 0;

    for (int i = 0; i < 1000; i++) {
        append_random(&buffer, reference, 3000);
        if (i > 2) {
            advance(&buffer, reference, 3000);
        }
        allocated = MAX(allocated, buffer.head + buffer.capacity);
    }
    g_assert_cmpmem(buffer.buffer, buffer.offset,
                    reference->data, reference->len);
    g_assert_cmpint(allocated, <=, 64 * 1024);
    buffer_free(&buffer);
}

/* Frame after frame, the memory of the one before is used again. */
static void test_steady(void)
{
    Buffer buffer = { 0 };

    for (int i = 0; i < 10; i++) {
        buffer_reserve(&buffer, FRAME);
        buffer.offset += FRAME;
        buffer_advance(&buffer, FRAME);
        g_assert_cmpint(buffer.capacity, >=, FRAME);
        buffer_reset(&buffer);
        g_assert_cmpint(buffer.capacity, >=, FRAME);
    }
    buffer_free(&buffer);
}

/* Memory that is needed no longer is given back in the end. */
static void test_shrinks(void)
{
    Buffer buffer = { 0 };

    buffer_reserve(&buffer, FRAME);
    buffer.offset += FRAME;
    buffer_reset(&buffer);
    for (int i = 0; i < 2000; i++) {
        buffer_reserve(&buffer, 100);
        buffer.offset += 100;
        buffer_advance(&buffer, 100);
    }
    g_assert_cmpint(buffer.capacity, <=, 1024 * 1024);
    buffer_free(&buffer);
}

/* As VNC's: one buffer writes, a second passes on, and a third sends. */
static void send_frame(Buffer *output, Buffer *jobs, size_t len)
{
    Buffer worker = { 0 };

    buffer_move_empty(&worker, output);
    buffer_reserve(&worker, len);
    worker.offset = len;
    buffer_move(jobs, &worker);
    buffer_move(output, jobs);
    while (!buffer_empty(output)) {
        buffer_advance(output, MIN(output->offset, 200 * 1000));
    }
}

/* Frames of one size keep their memory, and smaller ones give it back. */
static void test_passed_on(void)
{
    Buffer output = { 0 }, jobs = { 0 };
    size_t capacity;

    send_frame(&output, &jobs, FRAME / 4);
    capacity = output.capacity + output.head;
    for (int i = 0; i < 1000; i++) {
        send_frame(&output, &jobs, FRAME / 4);
        g_assert_cmpuint(output.capacity + output.head, ==, capacity);
    }
    for (int i = 0; i < 2000; i++) {
        send_frame(&output, &jobs, 100 * 1000);
    }
    g_assert_cmpuint(output.capacity + output.head, <=, capacity / 8);
    buffer_free(&output);
    buffer_free(&jobs);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/buffer/random", test_random);
    g_test_add_func("/buffer/advance", test_advance);
    g_test_add_func("/buffer/aligned", test_aligned);
    g_test_add_func("/buffer/release", test_release);
    g_test_add_func("/buffer/room", test_room);
    g_test_add_func("/buffer/steady", test_steady);
    g_test_add_func("/buffer/shrinks", test_shrinks);
    g_test_add_func("/buffer/passed-on", test_passed_on);
    return g_test_run();
}

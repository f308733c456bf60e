/*
 * A vGPU whose answers the fuzzer chooses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FUZZ_DISPLAY_SOURCE_H
#define TESTS_FUZZ_DISPLAY_SOURCE_H

#include "hw/vfio/vfio-display.h"
#include "display-fakes.h"

typedef struct Source Source;

/* A device with the parts that @in chooses. */
Source *source_new(FuzzInput *in);
void source_free(Source *s);

/* Good until source_free(). */
const VFIODisplayOps *source_ops(Source *s);

/* Each lets something happen to the device. */
void source_set_plane(Source *s, FuzzInput *in);
void source_set_faults(Source *s, FuzzInput *in);
void source_draw(Source *s, FuzzInput *in);
void source_signal(Source *s, FuzzInput *in);
void source_answer(Source *s, FuzzInput *in);
void source_shrink_buffer(Source *s, FuzzInput *in);

/* The device works on its own: it answers metadata requests as they come. */
void source_obey(Source *s, bool obey);

#endif /* TESTS_FUZZ_DISPLAY_SOURCE_H */

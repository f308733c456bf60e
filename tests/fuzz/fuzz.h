/*
 * What the fuzz targets share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/* What must hold for each input; a failure ends the run with its input. */
#define FUZZ_CHECK(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "ERROR: %s:%d: %s\n", __FILE__, __LINE__, #x); \
            __builtin_trap(); \
        } \
    } while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* TESTS_FUZZ_FUZZ_H */

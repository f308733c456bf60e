/*
 * What the pure logic needs of QEMU's qapi/error.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QAPI_ERROR_H
#define QAPI_ERROR_H

#include "qemu/osdep.h"

struct Error {
    char *message;
};

/* One for all files of a program: functions go by its address. */
__attribute__((weak)) Error *error_abort;

static inline const char *error_get_pretty(const Error *err)
{
    return err->message;
}

static inline void error_free(Error *err)
{
    if (err) {
        g_free(err->message);
        g_free(err);
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Error, error_free)

static inline void error_propagate(Error **errp, Error *err)
{
    if (err && errp == &error_abort) {
        g_error("unexpected error: %s", err->message);
    }
    if (errp && err) {
        assert(!*errp);
        *errp = err;
    } else {
        error_free(err);
    }
}

static inline Error *error_copy(const Error *err)
{
    Error *copy = g_new0(Error, 1);

    copy->message = g_strdup(err->message);
    return copy;
}

static inline void error_free_or_abort(Error **errp)
{
    assert(*errp);
    g_clear_pointer(errp, error_free);
}

G_GNUC_PRINTF(2, 3)
static inline void error_setg(Error **errp, const char *fmt, ...)
{
    Error *err = g_new0(Error, 1);
    va_list ap;

    va_start(ap, fmt);
    err->message = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_propagate(errp, err);
}

#define error_setg_errno(errp, os_error, fmt, ...) \
    error_setg(errp, fmt ": %s", ##__VA_ARGS__, strerror(os_error))

#endif /* QAPI_ERROR_H */

/*
 * Reading mapped memory that can vanish
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_GUARDED_READ_H
#define UI_GUARDED_READ_H

/**
 * guarded_read:
 * @start: where the mapping begins
 * @len: bytes of it
 * @fn: reads the mapping
 * @opaque: for @fn
 *
 * Calls @fn. If a page of [@start, @start + @len) raises SIGBUS meanwhile (a
 * file that shrank, a driver's fault handler that gave up), @fn is left where
 * it stands by a jump and the call returns false: @fn must own nothing that
 * such a jump would lose (memory, locks), and may call only code for which
 * that holds, such as memcmp() and memcpy().
 *
 * SIGBUS is unblocked in the calling thread for the time of the call, since
 * QEMU blocks it in the main thread, where a synchronous one then kills. Any
 * other SIGBUS goes to the handler that was there before. With the BQL only:
 * the handler is the process's.
 *
 * Returns: true if @fn came to its end.
 */
bool guarded_read(const void *start, size_t len, void (*fn)(void *opaque),
                  void *opaque);

#endif /* UI_GUARDED_READ_H */

/*
 * Text commands, one per line, each answered by one line that starts with
 * "ok" or "err". README.md lists them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_COMMAND_H
#define GUEST_COMMAND_H

/* One character from the serial port. */
void command_feed(char c);

/* Commands separated by ';' or ',', as they come on the command line. */
void command_run_all(const char *commands);

#endif /* GUEST_COMMAND_H */

/*
 * A viewer on libvncclient, the library of Remmina, AVNC and guacd
 *
 *     libvnc-client PORT ENCODING
 *
 * It does what those do: the library's own framebuffer, and the size that the
 * server says. What it is told on its standard input, a line each, it does in
 * turn and answers with a line:
 *
 *     dump PATH            writes its picture there; "WIDTH HEIGHT"
 *     resize WIDTH HEIGHT  asks the server for that size; "asked"
 *
 * It ends with status 1 when the library gives the connection up.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <rfb/rfbclient.h>

#define LINE 4096

static int dump(const rfbClient *client, const char *path)
{
    const uint8_t *pixel = client->frameBuffer;
    FILE *file = fopen(path, "wb");

    if (!file) {
        perror(path);
        return -1;
    }
    fprintf(file, "P6\n%d %d\n255\n", client->width, client->height);
    for (long i = 0; i < (long)client->width * client->height; i++) {
        /* The library's own format: R, G, B and a byte that is unused. */
        fwrite(pixel + 4 * i, 3, 1, file);
    }
    printf("%d %d\n", client->width, client->height);
    return fclose(file);
}

static int obey(rfbClient *client, char *line)
{
    int width, height;

    line[strcspn(line, "\n")] = 0;
    if (!strncmp(line, "dump ", 5)) {
        return dump(client, line + 5);
    }
    if (sscanf(line, "resize %d %d", &width, &height) == 2) {
        printf("asked\n");
        return SendExtDesktopSize(client, width, height) ? 0 : -1;
    }
    fprintf(stderr, "unknown command: %s\n", line);
    return -1;
}

/* Takes what the server has sent so far. */
static int take(rfbClient *client)
{
    do {
        if (!HandleRFBServerMessage(client)) {
            fprintf(stderr, "libvncclient gave up\n");
            return -1;
        }
    } while (client->buffered);
    return 0;
}

static int run(rfbClient *client)
{
    struct pollfd fds[] = {
        { .fd = client->sock, .events = POLLIN },
        { .fd = STDIN_FILENO, .events = POLLIN },
    };
    char line[LINE];

    for (;;) {
        if (!client->buffered && poll(fds, 2, -1) < 0) {
            perror("poll");
            return 1;
        }
        if ((client->buffered || fds[0].revents) && take(client) < 0) {
            return 1;
        }
        if (fds[1].revents) {
            if (!fgets(line, sizeof(line), stdin)) {
                return 0;
            }
            if (obey(client, line) < 0) {
                return 1;
            }
        }
        fds[0].revents = fds[1].revents = 0;
    }
}

int main(int argc, char **argv)
{
    rfbClient *client = rfbGetClient(8, 3, 4);

    if (argc != 3 || !client) {
        fprintf(stderr, "usage: %s PORT ENCODING\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* No buffer: what was read ahead would not wake poll() up. */
    setvbuf(stdin, NULL, _IONBF, 0);
    client->canHandleNewFBSize = TRUE;
    client->appData.encodingsString = argv[2];
    client->appData.enableJPEG = FALSE;
    client->serverHost = strdup("127.0.0.1");
    client->serverPort = atoi(argv[1]);
    if (!rfbInitClient(client, NULL, NULL)) {
        return 1;
    }
    return run(client);
}

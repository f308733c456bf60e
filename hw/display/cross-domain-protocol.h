/*
 * The messages of virtio-gpu's cross-domain context
 *
 * A program in the guest talks by them with a socket of the host, a Wayland
 * compositor's. It submits commands, and finds what comes back at the start of
 * a page of its own that is called a ring. Both sides name what a Wayland
 * message carries beside its bytes, memory and pipes, by numbers.
 *
 * The protocol is written down nowhere but in the programs that use it. There
 * are two layouts of a message with numbers, for 4 and for 28 of them.
 *
 * Here is all that is believed of a guest's bytes. Nothing here has a state.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_CROSS_DOMAIN_PROTOCOL_H
#define HW_DISPLAY_CROSS_DOMAIN_PROTOCOL_H

/* Its number among virtio-gpu's sets of capabilities, and the set's bytes. */
#define CROSS_DOMAIN_CAPSET 5
#define CROSS_DOMAIN_CAPS_SIZE 16

/* A ring is this long, whatever its resource is. */
#define CROSS_DOMAIN_RING_SIZE 4096

#define CROSS_DOMAIN_QUERY_RING 0
#define CROSS_DOMAIN_CHANNEL_RING 1

/* The most numbers in a message of each layout. */
#define CROSS_DOMAIN_FEW_IDS 4
#define CROSS_DOMAIN_MAX_IDS 28

#define CROSS_DOMAIN_CHANNEL_NONE 0
#define CROSS_DOMAIN_CHANNEL_WAYLAND 1

/* The first of the numbers that a guest gives to pipes. */
#define CROSS_DOMAIN_GUEST_PIPES 0x80000000u

typedef enum CrossDomainCommandType {
    CROSS_DOMAIN_INIT = 1,
    CROSS_DOMAIN_IMAGE = 2,
    CROSS_DOMAIN_POLL = 3,
    CROSS_DOMAIN_SEND = 4,
    CROSS_DOMAIN_RECEIVE = 5,
    CROSS_DOMAIN_READ = 6,
    CROSS_DOMAIN_WRITE = 7,
} CrossDomainCommandType;

typedef enum CrossDomainIdType {
    CROSS_DOMAIN_ID_MEMORY = 1,     /* a resource, or what becomes one */
    CROSS_DOMAIN_ID_READ_PIPE = 3,  /* the guest reads */
    CROSS_DOMAIN_ID_WRITE_PIPE = 4, /* the guest writes */
} CrossDomainIdType;

typedef struct CrossDomainId {
    uint32_t id;
    uint32_t type;
    uint32_t size;
} CrossDomainId;

typedef struct CrossDomainInit {
    uint32_t query_ring;
    uint32_t channel_ring;
    uint32_t channel;
    unsigned max_ids;
} CrossDomainInit;

typedef struct CrossDomainImage {
    uint32_t width;
    uint32_t height;
    uint32_t fourcc;
} CrossDomainImage;

typedef struct CrossDomainSend {
    unsigned max_ids;
    unsigned n_ids;
    CrossDomainId ids[CROSS_DOMAIN_MAX_IDS];
    const uint8_t *data;
    size_t len;
} CrossDomainSend;

typedef struct CrossDomainWrite {
    uint32_t pipe;
    bool hang_up;
    const uint8_t *data;
    size_t len;
} CrossDomainWrite;

/**
 * CrossDomainCommand:
 * @type: INIT, IMAGE, POLL, SEND or WRITE
 * @size: bytes that it takes of what was submitted
 *
 * A command whose sizes have been checked. Its data is the guest's, where it
 * was submitted.
 */
typedef struct CrossDomainCommand {
    CrossDomainCommandType type;
    size_t size;
    union {
        CrossDomainInit init;
        CrossDomainImage image;
        CrossDomainSend send;
        CrossDomainWrite write;
    };
} CrossDomainCommand;

/**
 * cross_domain_parse:
 * @buf: what the guest submitted, and has not been read yet
 * @len: bytes of it, at least 1
 * @command: set to the first command there
 *
 * Returns: NULL, or what is wrong, in words that follow "a command"
 */
const char *cross_domain_parse(const uint8_t *buf, size_t len,
                               CrossDomainCommand *command);

/**
 * CrossDomainLayout:
 * @strides: of each plane, in bytes; 0 where there is none
 * @offsets: where each plane begins
 * @size: bytes of all of it, in whole pages; 0 if there is no such image
 * @blob_id: the number that a guest allocates it by
 */
typedef struct CrossDomainLayout {
    uint32_t strides[4];
    uint32_t offsets[4];
    uint64_t size;
    uint32_t blob_id;
} CrossDomainLayout;

/**
 * cross_domain_layout:
 * @image: what a guest means to draw
 *
 * Rows begin where any GPU can read them. The number says the size, so that
 * nothing has to be kept for each answer.
 *
 * Returns: the layout of that image in linear memory
 */
CrossDomainLayout cross_domain_layout(const CrossDomainImage *image);

/**
 * cross_domain_blob_size:
 * @blob_id: a number that cross_domain_layout() may have given
 *
 * Returns: the bytes that it stands for; 0 if it is no such number
 */
uint64_t cross_domain_blob_size(uint64_t blob_id);

/*
 * What the host writes, each at the start of a buffer of
 * CROSS_DOMAIN_RING_SIZE. They return how much of it they have filled.
 */
size_t cross_domain_put_caps(uint8_t *buf, bool dmabufs);
size_t cross_domain_put_layout(uint8_t *buf, const CrossDomainLayout *layout);

/* The most bytes that fit into a message beside @max_ids numbers. */
size_t cross_domain_receive_room(unsigned max_ids);

/**
 * cross_domain_put_receive:
 * @buf: a ring
 * @max_ids: which layout the guest uses
 * @ids: @n_ids numbers, at most @max_ids
 * @data: @len bytes, at most cross_domain_receive_room()
 */
size_t cross_domain_put_receive(uint8_t *buf, unsigned max_ids,
                                const CrossDomainId *ids, unsigned n_ids,
                                const uint8_t *data, size_t len);

/* The most bytes of a pipe that fit into a message. */
#define CROSS_DOMAIN_READ_ROOM (CROSS_DOMAIN_RING_SIZE - 24)

size_t cross_domain_put_read(uint8_t *buf, uint32_t pipe, bool hang_up,
                             const uint8_t *data, size_t len);

/**
 * CrossDomainStream:
 * @header: the first bytes of the message that has begun
 * @have: how many of them there are
 * @left: bytes of the message behind its header that are still to come
 *
 * Where in the compositor's messages the guest is. All 0 at first.
 */
typedef struct CrossDomainStream {
    uint8_t header[8];
    unsigned have;
    uint32_t left;
} CrossDomainStream;

void cross_domain_stream_pass(CrossDomainStream *stream, const uint8_t *data,
                              size_t len);

/* Has every message that has begun ended? */
bool cross_domain_stream_is_between(const CrossDomainStream *stream);

#define CROSS_DOMAIN_ERROR_MAX 256

/**
 * cross_domain_put_error:
 * @buf: set to at most CROSS_DOMAIN_ERROR_MAX bytes: Wayland's event for an
 *       error that no client goes on after
 * @text: why; cut where it is too long
 *
 * Returns: the bytes of it
 */
size_t cross_domain_put_error(uint8_t *buf, const char *text);

#endif /* HW_DISPLAY_CROSS_DOMAIN_PROTOCOL_H */

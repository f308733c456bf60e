/*
 * Which rectangles of a screen move like a video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "vnc-motion.h"

/* Tiles have this many columns and rows: the bits of a mask. */
#define TILE 32

/* What changes in two tiles hangs together if it is no further apart. */
#define GAP 8

/*
 * Slots that are looked at, and in how many of them a tile has to change in
 * order to start moving; to go on in a rectangle that is there already, fewer
 * will do, and so many are needed for each of its columns and rows.
 */
#define WINDOW 10
#define STARTS 5
#define GOES_ON 3

/* One of so many of the newest must be among them. */
#define RECENT (VNC_MOTION_QUIET_LEAST_MS / VNC_MOTION_SLOT_MS)

/* What is smaller costs less as it is. */
#define MIN_SIDE 64
#define MIN_AREA (128 * 128)

/* A rectangle gets another shape no earlier than after so many slots. */
#define GROWS_AFTER 10
#define SHRINKS_AFTER 20

/*
 * Which columns and rows of a tile changed in each of the last slots. Text in
 * a video's last tile, which changes now and then, is told apart by these.
 */
typedef struct Tile {
    uint32_t columns[WINDOW];
    uint32_t rows[WINDOW];
} Tile;

typedef struct ActiveRect {
    VncMotionRect rect;
    int64_t moved_ms;
    int64_t noted_ms;   /* when it was reported where last */
    int usual_ms;       /* between two changes, four times that */
    int age;            /* slots since it has this shape */
    int loose;          /* slots since it has been much too large */
} ActiveRect;

/* A rectangle that ought to be there. */
typedef struct Box {
    int x0, y0, x1, y1;
    int tiles;          /* that move */
} Box;

struct VncMotion {
    int width, height;
    int cols, rows;
    int64_t slot;
    int now;            /* its index in the tiles */
    Tile *tiles;
    uint8_t *component; /* of each tile: STILL, MOVES or SEEN */
    int *stack;         /* of tiles, while a component is followed */
    ActiveRect active[VNC_MOTION_RECTS];
};

VncMotion *vnc_motion_new(int width, int height)
{
    VncMotion *motion = g_new0(VncMotion, 1);

    motion->width = width;
    motion->height = height;
    motion->cols = DIV_ROUND_UP(width, TILE);
    motion->rows = DIV_ROUND_UP(height, TILE);
    motion->tiles = g_new0(Tile, motion->cols * motion->rows);
    motion->component = g_new0(uint8_t, motion->cols * motion->rows);
    motion->stack = g_new(int, motion->cols * motion->rows);
    motion->slot = -1;
    return motion;
}

void vnc_motion_free(VncMotion *motion)
{
    if (motion) {
        g_free(motion->tiles);
        g_free(motion->component);
        g_free(motion->stack);
        g_free(motion);
    }
}

bool vnc_motion_matches(const VncMotion *motion, int width, int height)
{
    return motion->width == width && motion->height == height;
}

const VncMotionRect *vnc_motion_rect(const VncMotion *motion, int index)
{
    assert(index >= 0 && index < VNC_MOTION_RECTS);
    return &motion->active[index].rect;
}

bool vnc_motion_rect_inside(const VncMotionRect *r, int x, int y, int w, int h)
{
    return r->w && x >= r->x && y >= r->y &&
        x + w <= r->x + r->w && y + h <= r->y + r->h;
}

/* --- What changed -------------------------------------------------------- */

/*
 * @n pixels from column @x on, in row @y of a tile, of which one @differs or
 * may differ. All of its columns are soon known to change, and nothing needs
 * to be looked for any more.
 */
static void tile_note(Tile *tile, int now, int x, int y, int n, bool differs,
                      const uint32_t *before, const uint32_t *after)
{
    uint32_t span = (n < TILE ? (1u << n) - 1 : UINT32_MAX) << x;
    uint32_t *columns = &tile->columns[now], *rows = &tile->rows[now];

    if ((*columns & span) == span && (differs || *rows & (1u << y))) {
        *rows |= 1u << y;
        return;
    }
    for (int i = 0; i < n; i++) {
        if (before[i] != after[i]) {
            *columns |= 1u << (x + i);
            *rows |= 1u << y;
        }
    }
}

void vnc_motion_note(VncMotion *motion, int x, int y, int n,
                     const uint32_t *before, const uint32_t *after)
{
    int total = n;

    while (n > 0) {
        Tile *tile = &motion->tiles[y / TILE * motion->cols + x / TILE];
        int inside = MIN(n, TILE - x % TILE);

        tile_note(tile, motion->now, x % TILE, y % TILE, inside,
                  inside == total, before, after);
        x += inside;
        n -= inside;
        before += inside;
        after += inside;
    }
}

/* The bits from @from on, as many of a tile that begins at @at as there are. */
static uint32_t tile_bits(int at, int from, int end)
{
    int first = MAX(from - at, 0), last = MIN(end - at, TILE);

    return first < last ? UINT32_MAX >> (TILE - (last - first)) << first : 0;
}

void vnc_motion_note_all(VncMotion *motion, int index)
{
    const VncMotionRect *r = &motion->active[index].rect;

    for (int y = r->y / TILE; y * TILE < r->y + r->h; y++) {
        for (int x = r->x / TILE; x * TILE < r->x + r->w; x++) {
            Tile *tile = &motion->tiles[y * motion->cols + x];

            tile->columns[motion->now] |= tile_bits(x * TILE, r->x,
                                                    r->x + r->w);
            tile->rows[motion->now] |= tile_bits(y * TILE, r->y, r->y + r->h);
        }
    }
}

void vnc_motion_moved(VncMotion *motion, int index, bool noted,
                      int64_t now_ms)
{
    ActiveRect *active = &motion->active[index];

    active->usual_ms += now_ms - active->moved_ms - active->usual_ms / 4;
    active->moved_ms = now_ms;
    if (noted) {
        active->noted_ms = now_ms;
    }
}

/* --- What moves ---------------------------------------------------------- */

static bool overlaps(const VncMotionRect *r, const Box *b)
{
    return r->w && b->x0 < r->x + r->w && b->x1 > r->x &&
        b->y0 < r->y + r->h && b->y1 > r->y;
}

static bool tile_moves(VncMotion *motion, int index)
{
    int x = index % motion->cols * TILE, y = index / motion->cols * TILE;
    const Box box = { x, y, x + TILE, y + TILE, 1 };
    int changed = 0;

    for (int age = 0; age < WINDOW; age++) {
        int i = (motion->now + WINDOW - age) % WINDOW;

        changed += motion->tiles[index].rows[i] != 0;
        if (age == RECENT - 1 && !changed) {
            return false;
        }
    }
    if (changed >= STARTS || changed < GOES_ON) {
        return changed >= STARTS;
    }
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        if (overlaps(&motion->active[i].rect, &box)) {
            return true;
        }
    }
    return false;
}

static void box_add(Box *box, const Box *other)
{
    box->x0 = MIN(box->x0, other->x0);
    box->y0 = MIN(box->y0, other->y0);
    box->x1 = MAX(box->x1, other->x1);
    box->y1 = MAX(box->y1, other->y1);
    box->tiles += other->tiles;
}

/* The bits that are set in GOES_ON of the masks. */
static uint32_t often(const uint32_t *masks)
{
    uint32_t at_least[GOES_ON] = { 0 };

    for (int i = 0; i < WINDOW; i++) {
        for (int j = GOES_ON - 1; j > 0; j--) {
            at_least[j] |= at_least[j - 1] & masks[i];
        }
        at_least[0] |= masks[i];
    }
    return at_least[GOES_ON - 1];
}

/* Empty, with its corners the wrong way round, if nothing changes often. */
static Box box_of_tile(VncMotion *motion, int index)
{
    uint32_t columns = often(motion->tiles[index].columns);
    uint32_t rows = often(motion->tiles[index].rows);
    int x = index % motion->cols * TILE, y = index / motion->cols * TILE;

    return (Box) {
        x + ctz32(columns), y + ctz32(rows),
        x + TILE - clz32(columns), y + TILE - clz32(rows), 1
    };
}

enum { STILL, MOVES, SEEN };

static bool box_near(const Box *a, const Box *b)
{
    return a->x0 - GAP < b->x1 && b->x0 - GAP < a->x1 &&
        a->y0 - GAP < b->y1 && b->y0 - GAP < a->y1;
}

/* Puts those neighbours of a tile on the stack that belong to it. */
static int follow_neighbours(VncMotion *motion, int at, const Box *box, int n)
{
    int col = at % motion->cols, row = at / motion->cols;

    for (int y = MAX(row - 1, 0); y <= MIN(row + 1, motion->rows - 1); y++) {
        for (int x = MAX(col - 1, 0); x <= MIN(col + 1, motion->cols - 1);
             x++) {
            int next = y * motion->cols + x;
            Box other;

            if (motion->component[next] != MOVES) {
                continue;
            }
            other = box_of_tile(motion, next);
            if (box_near(box, &other)) {
                motion->component[next] = SEEN;
                motion->stack[n++] = next;
            }
        }
    }
    return n;
}

/* The pixels that changed in a tile and in all that hang together with it. */
static Box follow(VncMotion *motion, int index)
{
    Box box = { INT_MAX, INT_MAX, 0, 0, 0 };
    int n = 0;

    motion->stack[n++] = index;
    motion->component[index] = SEEN;
    while (n) {
        int at = motion->stack[--n];
        Box tile = box_of_tile(motion, at);

        box_add(&box, &tile);
        n = follow_neighbours(motion, at, &tile, n);
    }
    return box;
}

static VncMotionRect box_rect(const Box *box)
{
    return (VncMotionRect) {
        box->x0, box->y0,
        (box->x1 - box->x0) & ~1, (box->y1 - box->y0) & ~1
    };
}

static int64_t rect_area(const VncMotionRect *r)
{
    return (int64_t)r->w * r->h;
}

/* Large enough, and not mostly of what stands still? */
static bool box_is_worth_it(const Box *box)
{
    VncMotionRect r = box_rect(box);

    return r.w >= MIN_SIDE && r.h >= MIN_SIDE && rect_area(&r) >= MIN_AREA &&
        (int64_t)box->tiles * TILE * TILE * 2 >= rect_area(&r);
}

static gint box_larger_first(gconstpointer a, gconstpointer b)
{
    const VncMotionRect ra = box_rect(a), rb = box_rect(b);

    return (rect_area(&ra) < rect_area(&rb)) -
        (rect_area(&ra) > rect_area(&rb));
}

/* Boxes that overlap become one, which may overlap another. */
static void merge(GArray *boxes)
{
    for (guint i = 0; i < boxes->len; i++) {
        for (guint j = i + 1; j < boxes->len; j++) {
            Box *a = &g_array_index(boxes, Box, i);
            Box *b = &g_array_index(boxes, Box, j);

            if (a->x0 < b->x1 && b->x0 < a->x1 &&
                a->y0 < b->y1 && b->y0 < a->y1) {
                box_add(a, b);
                g_array_remove_index_fast(boxes, j);
                i = -1;
                break;
            }
        }
    }
}

/* What ought to be a rectangle now, the largest first. */
static GArray *find_boxes(VncMotion *motion)
{
    GArray *boxes = g_array_new(FALSE, FALSE, sizeof(Box));
    int n = motion->cols * motion->rows;

    for (int i = 0; i < n; i++) {
        motion->component[i] = tile_moves(motion, i) ? MOVES : STILL;
    }
    for (int i = 0; i < n; i++) {
        if (motion->component[i] == MOVES) {
            Box box = follow(motion, i);

            g_array_append_val(boxes, box);
        }
    }
    merge(boxes);
    for (guint i = 0; i < boxes->len;) {
        if (box_is_worth_it(&g_array_index(boxes, Box, i))) {
            i++;
        } else {
            g_array_remove_index_fast(boxes, i);
        }
    }
    g_array_sort(boxes, box_larger_first);
    return boxes;
}

/* --- From one slot to the next ------------------------------------------- */

/* Does an active rectangle stay, given what ought to be there? */
static bool stays(ActiveRect *active, GArray *boxes)
{
    VncMotionRect *r = &active->rect;
    int64_t area = 0;
    bool larger = false;

    for (guint i = 0; i < boxes->len; i++) {
        const Box *box = &g_array_index(boxes, Box, i);
        VncMotionRect wanted = box_rect(box);

        if (overlaps(r, box)) {
            area += rect_area(&wanted);
            larger |= !vnc_motion_rect_inside(r, wanted.x, wanted.y,
                                              wanted.w, wanted.h);
        }
    }
    active->loose = 2 * area < rect_area(r) ? active->loose + 1 : 0;
    active->age++;
    return !(larger && active->age >= GROWS_AFTER) &&
        active->loose < SHRINKS_AFTER;
}

static bool overlaps_active(VncMotion *motion, const Box *box)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        if (overlaps(&motion->active[i].rect, box)) {
            return true;
        }
    }
    return false;
}

static void start(VncMotion *motion, const Box *box, int64_t now_ms)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        if (!motion->active[i].rect.w) {
            motion->active[i] = (ActiveRect) {
                .rect = box_rect(box),
                .moved_ms = now_ms,
                .usual_ms = 4 * VNC_MOTION_SLOT_MS,
            };
            return;
        }
    }
}

/* The masks of the oldest slots are those of the new ones. */
static void next_slots(VncMotion *motion, int64_t slots)
{
    int n = motion->cols * motion->rows;

    while (slots-- > 0) {
        motion->now = (motion->now + 1) % WINDOW;
        for (int i = 0; i < n; i++) {
            motion->tiles[i].columns[motion->now] = 0;
            motion->tiles[i].rows[motion->now] = 0;
        }
    }
}

/* In every other slot, which is often enough to go on. */
bool vnc_motion_wants_notes(const VncMotion *motion, int index, int64_t now_ms)
{
    QEMU_BUILD_BUG_ON(GOES_ON >= WINDOW / 2);
    return now_ms / (2 * VNC_MOTION_SLOT_MS) !=
        motion->active[index].noted_ms / (2 * VNC_MOTION_SLOT_MS);
}

static void end_quiet(VncMotion *motion, int64_t now_ms)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        ActiveRect *active = &motion->active[i];

        if (active->rect.w && now_ms - active->moved_ms >=
            CLAMP(active->usual_ms / 4 * 3, VNC_MOTION_QUIET_LEAST_MS,
                  VNC_MOTION_QUIET_MOST_MS)) {
            active->rect.w = 0;
        }
    }
}

void vnc_motion_update(VncMotion *motion, int64_t now_ms)
{
    int64_t slot = now_ms / VNC_MOTION_SLOT_MS;
    g_autoptr(GArray) boxes = NULL;

    end_quiet(motion, now_ms);
    if (slot == motion->slot) {
        return;
    }
    boxes = find_boxes(motion);
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        ActiveRect *active = &motion->active[i];

        if (active->rect.w && !stays(active, boxes)) {
            active->rect.w = 0;
        }
    }
    for (guint i = 0; i < boxes->len; i++) {
        const Box *box = &g_array_index(boxes, Box, i);

        if (!overlaps_active(motion, box)) {
            start(motion, box, now_ms);
        }
    }
    next_slots(motion, MIN(slot - motion->slot, WINDOW));
    motion->slot = slot;
}

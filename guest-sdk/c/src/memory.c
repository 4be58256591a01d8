#include "memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../oncegate.h"

#if defined __wasm__
// Small allocations share a piece.
enum { PIECE_BYTES = 32 * 1024 };
#else
// Natively each has its own, so that a sanitizer sees where it ends, and who keeps it beyond the call.
enum { PIECE_BYTES = 0 };
#endif

struct piece {
    alignas(max_align_t) struct piece *before;
    size_t room;
    size_t used;
};

#if defined __wasm__
// The first piece is part of the module and is never given back. Most calls need no other one, and then a fresh
// instance does not grow its memory, which would cost the host a change of protection. It is all zeros, which take no
// room in the file; so its room is known by its place.
static struct {
    struct piece piece;
    char bytes[PIECE_BYTES];
} first;
#define FIRST (&first.piece)
#else
#define FIRST ((struct piece *)NULL)
#endif

static struct piece *last = FIRST;

static size_t room_of(const struct piece *piece) {
    return piece == FIRST ? PIECE_BYTES : piece->room;
}

static char *bytes_of(struct piece *piece) {
    return (char *)(piece + 1);
}

// Where an allocation of this size would begin in the last piece; SIZE_MAX if it does not fit.
static size_t place(size_t size) {
    if (last == NULL) return SIZE_MAX;
    size_t align = alignof(max_align_t);
    size_t begin = (last->used + align - 1) / align * align;
    return begin <= room_of(last) && size <= room_of(last) - begin ? begin : SIZE_MAX;
}

static bool add_piece(size_t size) {
    size_t room = size > PIECE_BYTES ? size : PIECE_BYTES;
    if (room > SIZE_MAX - sizeof(struct piece)) return false;
    struct piece *piece = malloc(sizeof(struct piece) + room);
    if (piece == NULL) return false;
    *piece = (struct piece){.before = last, .room = room};
    last = piece;
    return true;
}

void *oncegate_memory_try(size_t size) {
    size_t begin = place(size);
    if (begin == SIZE_MAX) {
        if (!add_piece(size)) return NULL;
        begin = 0;
    }
    last->used = begin + size;
    return bytes_of(last) + begin;
}

void *oncegate_allocate(size_t size) {
    void *at = oncegate_memory_try(size);
    if (at == NULL) oncegate_panic_at(NULL, 0, "out of memory: %zu bytes", size);
    return at;
}

void *oncegate_memory_grow(void *at, size_t old_size, size_t size) {
    if (at != NULL && last != NULL && (char *)at + old_size == bytes_of(last) + last->used) {
        size_t begin = (size_t)((char *)at - bytes_of(last));
        if (size <= room_of(last) - begin) {
            last->used = begin + size;
            return at;
        }
    }
    void *grown = oncegate_allocate(size);
    if (at != NULL) memcpy(grown, at, old_size < size ? old_size : size);
    return grown;
}

oncegate_mark oncegate_memory_mark(void) {
    return (oncegate_mark){.piece = last, .used = last == NULL ? 0 : last->used};
}

void oncegate_memory_release(oncegate_mark mark) {
    while (last != FIRST && last != mark.piece) {
        struct piece *before = last->before;
        free(last);
        last = before;
    }
    if (last != NULL) last->used = mark.used;
}

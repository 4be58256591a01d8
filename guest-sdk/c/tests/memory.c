#include "../src/memory.h"

#include <stdalign.h>
#include <string.h>

#include "tests.h"

static void every_allocation_has_its_own_place(void) {
    char *places[100];
    for (int i = 0; i < 100; i++) {
        places[i] = oncegate_allocate((size_t)i);
        assert((uintptr_t)places[i] % alignof(max_align_t) == 0);
        memset(places[i], i, (size_t)i);
    }
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < i; k++) assert(places[i][k] == i);
    }
}

static void what_grows_keeps_its_bytes(void) {
    char *at = oncegate_memory_grow(NULL, 0, 3);
    memcpy(at, "abc", 3);
    oncegate_allocate(1);
    at = oncegate_memory_grow(at, 3, 1000);
    assert(memcmp(at, "abc", 3) == 0);
    at[999] = 'z';
    at = oncegate_memory_grow(at, 1000, 2);
    assert(memcmp(at, "ab", 2) == 0);
}

static void more_than_there_is_is_refused(void) {
    assert(oncegate_memory_try(SIZE_MAX) == NULL);
    assert(oncegate_memory_try(SIZE_MAX - 64) == NULL);
}

static void what_is_released_is_gone_and_what_was_before_stays(void) {
    char *before = oncegate_allocate(4);
    memcpy(before, "stay", 4);
    oncegate_mark mark = oncegate_memory_mark();
    for (int i = 0; i < 10; i++) oncegate_allocate(100000);
    oncegate_memory_release(mark);
    assert(memcmp(before, "stay", 4) == 0);
    oncegate_memory_release((oncegate_mark){0});
    assert(oncegate_memory_mark().piece == NULL);
}

void memory_tests(void) {
    every_allocation_has_its_own_place();
    what_grows_keeps_its_bytes();
    more_than_there_is_is_refused();
    what_is_released_is_gone_and_what_was_before_stays();
}

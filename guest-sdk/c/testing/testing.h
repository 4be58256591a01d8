// The testing host's inside.
#ifndef ONCEGATE_TESTING_TESTING_H
#define ONCEGATE_TESTING_TESTING_H

#include <setjmp.h>

#include "../oncegate_testing.h"

// Something of which there may be many: a place in memory that grows.
struct list {
    void *at;
    size_t count;
    size_t room;
};

// What the store holds of a key.
struct record {
    oncegate_text key;
    enum { COMMITTED, IN_FLIGHT, DEAD } what;
    // COMMITTED: the receipt, and the payload it was committed with; ONCEGATE_NONE is every payload.
    oncegate_text receipt;
    oncegate_text payload;
    uint64_t left_ms;
    // DEAD: why, and the topic and id of the delivery that died; ONCEGATE_NONE if it was planted.
    oncegate_text reason;
    oncegate_text topic;
    oncegate_text id;
};

struct setting {
    oncegate_text name;
    oncegate_text value;
};

// A key that an invocation has named, and what it was answered.
struct known {
    oncegate_text key;
    oncegate_result refusal;
    oncegate_sighting sighting;
    // ONCEGATE_DEAD: whether this delivery died of it itself, and is made once more.
    bool is_own;
    bool staged;
    oncegate_text receipt;
};

// Which key an output belongs to, as its place among the known ones.
enum { NO_KEY = -1 };

// One call of a handler.
struct invocation {
    oncegate_testing *host;
    const oncegate_message *message;
    // Known keys, outputs, and to each output the `int` of its key.
    struct list known;
    struct list outputs;
    struct list owners;
    int last_new;
    bool too_many_keys;
    size_t output_bytes;
    // Where a panic goes on, and with which text.
    jmp_buf panic;
    oncegate_text panic_text;
};

struct oncegate_testing {
    oncegate_limits limits;
    bool outputs_free;
    bool store_down;
    // Every copy that was made, to be freed with the host.
    struct list kept;
    struct list topics;
    struct list settings;
    struct list records;
    struct list outputs;
    struct list log;
};

// The invocation that runs; NULL outside of one.
extern struct invocation *oncegate_testing_current;

// Room for one more item at the end of a list.
void *oncegate_testing_add(struct list *list, size_t item_size);

// A copy that lives as long as the host.
void *oncegate_testing_keep(oncegate_testing *host, const void *at, size_t size);
oncegate_text oncegate_testing_keep_text(oncegate_testing *host, oncegate_text text);

struct record *oncegate_testing_record(const oncegate_testing *host, oncegate_text key);

// Replaces what the store holds of the record's key by a copy of this.
void oncegate_testing_plant(oncegate_testing *host, struct record record);

#endif

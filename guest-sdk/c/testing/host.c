#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

oncegate_testing *oncegate_testing_new(void) {
    oncegate_testing *host = calloc(1, sizeof *host);
    if (host == NULL) abort();
    host->limits = (oncegate_limits){
        .keys = 64,
        .key_bytes = 1024,
        .receipt_bytes = 64 * 1024,
        .outputs = 1000,
        .output_bytes = 1024 * 1024,
        .output_headers = 64,
        .output_name_bytes = 1024,
    };
    return host;
}

void oncegate_testing_free(oncegate_testing *host) {
    void **kept = host->kept.at;
    for (size_t i = 0; i < host->kept.count; i++) free(kept[i]);
    free(host->kept.at);
    free(host->topics.at);
    free(host->settings.at);
    free(host->records.at);
    free(host->outputs.at);
    free(host->log.at);
    free(host);
}

// --- Memory

void *oncegate_testing_add(struct list *list, size_t item_size) {
    if (list->count == list->room) {
        list->room = list->room == 0 ? 8 : list->room * 2;
        list->at = realloc(list->at, list->room * item_size);
        if (list->at == NULL) abort();
    }
    return (char *)list->at + list->count++ * item_size;
}

void *oncegate_testing_keep(oncegate_testing *host, const void *at, size_t size) {
    // An empty copy has a place, too.
    void *copy = malloc(size + 1);
    if (copy == NULL) abort();
    if (size > 0) memcpy(copy, at, size);
    *(void **)oncegate_testing_add(&host->kept, sizeof(void *)) = copy;
    return copy;
}

oncegate_text oncegate_testing_keep_text(oncegate_testing *host, oncegate_text text) {
    if (text.at == NULL) return ONCEGATE_NONE;
    return (oncegate_text){oncegate_testing_keep(host, text.at, text.length), text.length};
}

// --- What it allows, and what happened before

oncegate_limits *oncegate_testing_limits(oncegate_testing *host) {
    return &host->limits;
}

void oncegate_testing_allow_topic(oncegate_testing *host, oncegate_text topic) {
    oncegate_text *added = oncegate_testing_add(&host->topics, sizeof *added);
    *added = oncegate_testing_keep_text(host, topic);
}

void oncegate_testing_set_outputs_free(oncegate_testing *host, bool free) {
    host->outputs_free = free;
}

void oncegate_testing_set_store_down(oncegate_testing *host, bool down) {
    host->store_down = down;
}

void oncegate_testing_set_config(oncegate_testing *host, oncegate_text name, oncegate_text value) {
    struct setting *settings = host->settings.at;
    for (size_t i = 0; i < host->settings.count; i++) {
        if (!oncegate_text_equal(settings[i].name, name)) continue;
        settings[i].value = oncegate_testing_keep_text(host, value);
        return;
    }
    struct setting *added = oncegate_testing_add(&host->settings, sizeof *added);
    added->name = oncegate_testing_keep_text(host, name);
    added->value = oncegate_testing_keep_text(host, value);
}

struct record *oncegate_testing_record(const oncegate_testing *host, oncegate_text key) {
    struct record *records = host->records.at;
    for (size_t i = 0; i < host->records.count; i++) {
        if (oncegate_text_equal(records[i].key, key)) return &records[i];
    }
    return NULL;
}

void oncegate_testing_plant(oncegate_testing *host, struct record record) {
    struct record *place = oncegate_testing_record(host, record.key);
    if (place == NULL) place = oncegate_testing_add(&host->records, sizeof *place);
    *place = record;
    place->key = oncegate_testing_keep_text(host, record.key);
    place->receipt = oncegate_testing_keep_text(host, record.receipt);
    place->payload = oncegate_testing_keep_text(host, record.payload);
    place->reason = oncegate_testing_keep_text(host, record.reason);
    place->topic = oncegate_testing_keep_text(host, record.topic);
    place->id = oncegate_testing_keep_text(host, record.id);
}

void oncegate_testing_plant_committed(
    oncegate_testing *host, oncegate_text key, oncegate_text receipt, oncegate_text payload) {
    struct record record = {.key = key, .what = COMMITTED, .receipt = receipt, .payload = payload};
    oncegate_testing_plant(host, record);
}

void oncegate_testing_plant_in_flight(oncegate_testing *host, oncegate_text key, uint64_t left_ms) {
    oncegate_testing_plant(host, (struct record){.key = key, .what = IN_FLIGHT, .left_ms = left_ms});
}

void oncegate_testing_plant_dead(oncegate_testing *host, oncegate_text key, oncegate_text reason) {
    oncegate_testing_plant(host, (struct record){.key = key, .what = DEAD, .reason = reason});
}

// --- What came of it

oncegate_outputs oncegate_testing_outputs(const oncegate_testing *host) {
    return (oncegate_outputs){host->outputs.at, host->outputs.count};
}

bool oncegate_testing_is_committed(const oncegate_testing *host, oncegate_text key) {
    const struct record *record = oncegate_testing_record(host, key);
    return record != NULL && record->what == COMMITTED;
}

oncegate_text oncegate_testing_receipt(const oncegate_testing *host, oncegate_text key) {
    const struct record *record = oncegate_testing_record(host, key);
    return record != NULL && record->what == COMMITTED ? record->receipt : ONCEGATE_NONE;
}

oncegate_log_lines oncegate_testing_log(const oncegate_testing *host) {
    return (oncegate_log_lines){host->log.at, host->log.count};
}

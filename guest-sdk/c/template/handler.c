#include "oncegate.h"

struct order { oncegate_text id, item; };

// Called once for each order, however often it is delivered.
static oncegate_result ship(void *context, oncegate_text *receipt) {
    const struct order *order = context;
    oncegate_json_writer parcel = {0};
    oncegate_json_write_text(&parcel, order->item);
    *receipt = oncegate_text_join(ONCEGATE_TEXT("parcel-"), order->id);
    return oncegate_emit_json((oncegate_output){.topic = ONCEGATE_TEXT("parcels"), .key = order->id}, &parcel);
}

oncegate_result oncegate_handle(const oncegate_message *message) {
    oncegate_json json;
    struct order order;
    ONCEGATE_TRY(oncegate_message_json(message, &json));
    ONCEGATE_TRY(oncegate_json_member_text(json, "order_id", &order.id));
    ONCEGATE_TRY(oncegate_json_member_text(json, "item", &order.item));
    return oncegate_once(order.id, ship, &order, NULL);
}

#include <assert.h>
#include <stdio.h>

#include "oncegate_testing.h"

static void an_order_is_shipped_once_however_often_it_is_delivered(void) {
    oncegate_testing *host = oncegate_testing_new();
    oncegate_message message = oncegate_testing_message(ONCEGATE_TEXT("{\"order_id\":\"o-1\",\"item\":\"lamp\"}"));
    for (int i = 0; i < 2; i++) {
        assert(oncegate_testing_deliver(host, oncegate_handle, &message).end == ONCEGATE_APPLIED);
    }
    oncegate_outputs parcels = oncegate_testing_outputs(host);
    assert(parcels.count == 1);
    assert(oncegate_text_equal(parcels.at[0].payload, ONCEGATE_TEXT("\"lamp\"")));
    oncegate_text receipt = oncegate_testing_receipt(host, ONCEGATE_TEXT("o-1"));
    assert(oncegate_text_equal(receipt, ONCEGATE_TEXT("parcel-o-1")));
    oncegate_testing_free(host);
}

int main(void) {
    an_order_is_shipped_once_however_often_it_is_delivered();
    puts("all tests passed");
    return 0;
}

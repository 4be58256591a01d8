#include "charge.h"

oncegate_text charge_id_of(const struct payment *payment) {
    return oncegate_text_join(ONCEGATE_TEXT("ch_"), payment->payment_id);
}

oncegate_result charge_emit(const struct payment *payment, oncegate_text charge_id) {
    oncegate_json_writer charge = {0};
    oncegate_json_write_object(&charge);
    oncegate_json_write_name(&charge, "charge_id");
    oncegate_json_write_text(&charge, charge_id);
    oncegate_json_write_name(&charge, "payment_id");
    oncegate_json_write_text(&charge, payment->payment_id);
    oncegate_json_write_name(&charge, "account");
    oncegate_json_write_text(&charge, payment->account);
    oncegate_json_write_name(&charge, "amount_cents");
    oncegate_json_write_u64(&charge, payment->amount_cents);
    oncegate_json_write_name(&charge, "currency");
    oncegate_json_write_text(&charge, payment->currency);
    oncegate_json_write_end(&charge);
    oncegate_output output = {.topic = ONCEGATE_TEXT("charges"), .key = payment->payment_id};
    return oncegate_emit_json(output, &charge);
}

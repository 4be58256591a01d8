// The worked example: each payment is charged once, however often it is delivered.

import { emit, handler, once } from '@oncegate/sdk';
import { chargeOf } from './charge.js';
import { paymentOf } from './payment.js';

// The key is the payment's own id: the message id changes when a producer sends the payment again.
export const handle = handler((message) => {
  const payment = paymentOf(message);
  once(payment.payment_id, () => {
    const charge = chargeOf(payment);
    emit('charges', charge, { key: payment.payment_id });
    return charge.charge_id;
  });
});

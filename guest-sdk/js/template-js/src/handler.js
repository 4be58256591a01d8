import { emit, handler, once } from '@oncegate/sdk';

// The key is the order's own id, the same in every delivery of it.
export const handle = handler((message) => {
  const order = message.json();
  once(order.order_id, () => {
    emit('parcels', order.item, { key: order.order_id });
    return `parcel-${order.order_id}`;
  });
});

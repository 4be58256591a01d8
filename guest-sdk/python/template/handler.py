from oncegate import Message, emit, handler, once


@handler
def handle(message: Message) -> None:
    order = message.json()

    def ship() -> str:
        emit("parcels", json=order["item"], key=order["order_id"])
        return f"parcel-{order['order_id']}"

    once(order["order_id"], ship)

//! Each order that comes in becomes one parcel, however often it is delivered.

use oncegate_sdk::{Message, Result, emit, once};

#[derive(serde::Deserialize)]
struct Order {
    order_id: String,
    item: String,
}

fn handle(message: Message) -> Result<()> {
    let order: Order = message.json()?;
    once(&order.order_id, || {
        emit("parcels").key(&order.order_id).json(&order.item)?;
        Ok(format!("parcel-{}", order.order_id))
    })?;
    Ok(())
}

oncegate_sdk::handler!(handle);

#[cfg(test)]
mod tests {
    use super::handle;
    use oncegate_sdk::testing::{End, Host, message};

    #[test]
    fn an_order_is_shipped_once_however_often_it_is_delivered() {
        let mut host = Host::new();
        host.set_topics(["parcels"]);
        for _ in 0..2 {
            let order = message(r#"{"order_id":"o-1","item":"lamp"}"#);
            assert_eq!(host.deliver(handle, order), End::Applied);
        }
        assert_eq!(host.outputs().len(), 1);
        assert_eq!(host.outputs()[0].payload, b"\"lamp\"");
        assert_eq!(host.receipt("o-1"), Some(&b"parcel-o-1"[..]));
    }
}

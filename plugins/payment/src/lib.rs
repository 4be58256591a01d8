//! The worked example: each payment is charged once, however often it is delivered.

mod charge;
mod payment;

use charge::Charge;
use oncegate_sdk::{Message, Result, emit, once};
use payment::Payment;

/// The key is the payment's own id: the message id changes when a producer sends the payment again.
fn handle(message: Message) -> Result<()> {
    let payment = Payment::of(&message)?;
    once(&payment.payment_id, || {
        let charge = Charge::of(&payment);
        emit("charges").key(&payment.payment_id).json(&charge)?;
        Ok(charge.charge_id)
    })?;
    Ok(())
}

oncegate_sdk::handler!(handle);

#[cfg(test)]
mod tests {
    use super::handle;
    use oncegate_sdk::testing::{End, Host, message};

    const PAYMENT: &str = r#"{"payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}"#;

    #[test]
    fn a_payment_is_charged_once_however_often_it_is_delivered() {
        let mut host = Host::new();
        let mut again = message(PAYMENT);
        again.id = "another delivery".to_owned();
        for delivery in [message(PAYMENT), message(PAYMENT), again] {
            assert_eq!(host.deliver(handle, delivery), End::Applied);
        }
        let [charge] = host.outputs() else { panic!("one charge: {:?}", host.outputs()) };
        assert_eq!((charge.topic.as_str(), charge.key.as_deref()), ("charges", Some("p-1")));
        assert_eq!(
            std::str::from_utf8(&charge.payload),
            Ok(
                r#"{"charge_id":"ch_p-1","payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}"#
            )
        );
        assert_eq!(host.receipt("p-1"), Some(&b"ch_p-1"[..]));
    }

    #[test]
    fn what_is_no_payment_is_rejected_before_any_key_is_named() {
        let mut host = Host::new();
        let end = host.deliver(handle, message("[]"));
        assert_eq!(end, End::Rejected("payload: not a JSON object".to_owned()));
        assert!(host.outputs().is_empty());
    }
}

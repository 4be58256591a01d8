//! What comes in.

use oncegate_sdk::{Message, Result, reject};
use serde::Deserialize;
use std::borrow::Cow;

/// A payment event. Its members must be there, once each, and of the right type; others are ignored, so that
/// a producer may add some. Text is borrowed from the payload unless it holds escapes.
#[derive(Debug, Deserialize)]
pub struct Payment<'a> {
    /// The payment's own id, the same in every delivery of it; not empty.
    #[serde(borrow)]
    pub payment_id: Cow<'a, str>,
    /// Who pays; not empty.
    #[serde(borrow)]
    pub account: Cow<'a, str>,
    /// How much, in hundredths of the currency: a whole number above zero. A refund is another event.
    pub amount_cents: u64,
    /// Three letters (ISO 4217), passed on as they are.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl<'a> Payment<'a> {
    /// Reads the payment from a message's payload, or rejects the delivery with the reason.
    pub fn of(message: &'a Message) -> Result<Self> {
        // The JSON library would also take an array with the members' values in order.
        if message.payload.trim_ascii_start().first() != Some(&b'{') {
            return Err(reject("payload: not a JSON object"));
        }
        let payment: Payment = message.json()?;
        match payment.fault() {
            None => Ok(payment),
            Some(fault) => Err(reject(fault)),
        }
    }

    /// What is wrong with the values, if anything is.
    fn fault(&self) -> Option<&'static str> {
        if self.payment_id.is_empty() {
            Some("payment_id is empty")
        } else if self.account.is_empty() {
            Some("account is empty")
        } else if self.amount_cents == 0 {
            Some("amount_cents is zero")
        } else if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_alphabetic()) {
            Some("currency is not three letters")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oncegate_sdk::testing::message;

    fn reason(payload: &str) -> String {
        match Payment::of(&message(payload)) {
            Ok(payment) => panic!("accepted: {payment:?}"),
            Err(error) => {
                assert!(error.is_reject(), "{error:?}");
                error.to_string()
            }
        }
    }

    #[test]
    fn unknown_members_are_ignored_and_escapes_are_read() {
        let message = message(
            " {\"note\":{\"a\":[1]},\"payment_id\":\"p\\u0031\",\"account\":\"\u{fc}\",\"currency\":\"usd\",\
             \"amount_cents\":18446744073709551615}",
        );
        let payment = Payment::of(&message).expect("a payment");
        assert_eq!((&*payment.payment_id, &*payment.account, &*payment.currency), ("p1", "\u{fc}", "usd"));
        assert_eq!(payment.amount_cents, u64::MAX);
        assert!(matches!(payment.account, Cow::Borrowed(_)), "no copy without escapes");
    }

    #[test]
    fn each_wrong_payload_is_rejected_with_its_reason() {
        let cases = [
            ("", "not a JSON object"),
            ("[\"p\",\"a\",5,\"EUR\"]", "not a JSON object"),
            ("{\"payment_id\":\"p\"", "EOF"),
            ("{} {}", "missing field `payment_id`"),
            (r#"{"payment_id":"p","account":"a","currency":"EUR"}"#, "missing field `amount_cents`"),
            (r#"{"payment_id":7,"account":"a","amount_cents":5,"currency":"EUR"}"#, "expected a string"),
            (r#"{"payment_id":null,"account":"a","amount_cents":5,"currency":"EUR"}"#, "expected a string"),
            (r#"{"payment_id":"p","payment_id":"q"}"#, "duplicate field `payment_id`"),
            (r#"{"payment_id":"p","account":"a","amount_cents":5,"currency":"EUR"} x"#, "trailing"),
            (r#"{"payment_id":"p","account":"a","amount_cents":"5","currency":"EUR"}"#, "expected u64"),
            (r#"{"payment_id":"p","account":"a","amount_cents":5.0,"currency":"EUR"}"#, "expected u64"),
            (r#"{"payment_id":"p","account":"a","amount_cents":-5,"currency":"EUR"}"#, "expected u64"),
            (r#"{"payment_id":"p","account":"a","amount_cents":0,"currency":"EUR"}"#, "amount_cents is zero"),
            (r#"{"payment_id":"","account":"a","amount_cents":5,"currency":"EUR"}"#, "payment_id is empty"),
            (r#"{"payment_id":"p","account":"","amount_cents":5,"currency":"EUR"}"#, "account is empty"),
            (r#"{"payment_id":"p","account":"a","amount_cents":5,"currency":"EURO"}"#, "three letters"),
            (r#"{"payment_id":"p","account":"a","amount_cents":5,"currency":"€"}"#, "three letters"),
        ];
        for (payload, expected) in cases {
            let reason = reason(payload);
            assert!(reason.contains(expected), "{payload}: {reason}");
        }
    }
}

//! What goes out.

use crate::payment::Payment;
use serde::Serialize;

/// The charge that a payment causes.
#[derive(Debug, Serialize)]
pub struct Charge<'a> {
    /// Derived from the payment's id and nothing else, so whoever computes it again gets the same, and two
    /// payments never share one.
    pub charge_id: String,
    /// The payment that caused it.
    pub payment_id: &'a str,
    /// Who pays.
    pub account: &'a str,
    /// How much, in hundredths of the currency.
    pub amount_cents: u64,
    /// The currency, as the payment had it.
    pub currency: &'a str,
}

impl<'a> Charge<'a> {
    /// The charge of a payment.
    pub fn of(payment: &'a Payment<'_>) -> Self {
        Charge {
            charge_id: ["ch_", &payment.payment_id].concat(),
            payment_id: &payment.payment_id,
            account: &payment.account,
            amount_cents: payment.amount_cents,
            currency: &payment.currency,
        }
    }
}

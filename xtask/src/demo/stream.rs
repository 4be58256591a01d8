//! A stream of payments in which many are delivered more than once, the same for everybody.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "JPY"];

/// Writes `deliveries` lines, of which `duplicates` repeat an earlier payment.
pub fn write(file: &Path, deliveries: u64, duplicates: u64) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for delivery in Stream::new(deliveries, duplicates) {
        writeln!(out, "{}", delivery.line())?;
    }
    out.flush()
}

/// The id of the n-th payment.
pub fn payment_id(payment: u64) -> String {
    format!("pay-{payment:06}")
}

/// One line of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Delivery {
    payment: u64,
    /// What the message id is made of: a redelivery has the id of the first one, a resend one of its own.
    message: u64,
}

impl Delivery {
    fn line(self) -> String {
        let mut random = Random(self.payment);
        let account = random.below(5_000);
        let amount_cents = 100 + random.below(100_000);
        let currency = CURRENCIES[random.below(CURRENCIES.len() as u64) as usize];
        format!(
            r#"{{"id":"m-{:06}","topic":"payments","payload":{{"payment_id":"{}","account":"acc-{account:04}","amount_cents":{amount_cents},"currency":"{currency}"}}}}"#,
            self.message,
            payment_id(self.payment),
        )
    }
}

/// The deliveries in order.
#[derive(Debug)]
struct Stream {
    random: Random,
    position: u64,
    deliveries: u64,
    duplicates_left: u64,
    /// The message id's number of each payment's first delivery.
    first: Vec<u64>,
}

impl Stream {
    fn new(deliveries: u64, duplicates: u64) -> Stream {
        Stream {
            random: Random(2026),
            position: 0,
            deliveries,
            duplicates_left: duplicates,
            first: Vec::new(),
        }
    }

    /// A redelivery straight after the last new payment, one from anywhere before, or an old payment that its
    /// producer sent again under a new message id.
    fn duplicate(&mut self) -> Delivery {
        let last = self.first.len() as u64 - 1;
        let kind = self.random.below(3);
        let payment = if kind == 0 { last } else { self.random.below(last + 1) };
        let message = if kind == 2 { self.position } else { self.first[payment as usize] };
        Delivery { payment, message }
    }
}

impl Iterator for Stream {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        if self.position == self.deliveries {
            return None;
        }
        let left = self.deliveries - self.position;
        // Selection sampling: spread evenly, and exactly as many as asked for.
        let delivery = if !self.first.is_empty() && self.random.below(left) < self.duplicates_left {
            self.duplicates_left -= 1;
            self.duplicate()
        } else {
            self.first.push(self.position);
            Delivery { payment: self.first.len() as u64 - 1, message: self.position }
        };
        self.position += 1;
        Some(delivery)
    }
}

/// SplitMix64: small, and good enough to shuffle with.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_third_are_duplicates_of_every_kind() {
        let stream: Vec<_> = Stream::new(3_000, 1_000).collect();
        let payments: BTreeSet<_> = stream.iter().map(|delivery| delivery.payment).collect();
        let messages: BTreeSet<_> = stream.iter().map(|delivery| delivery.message).collect();
        assert_eq!((stream.len(), payments.len()), (3_000, 2_000));
        let resent = messages.len() - payments.len();
        assert!((200..500).contains(&resent), "{resent} under a new message id");
        let adjacent = stream.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!((150..500).contains(&adjacent), "{adjacent} straight after the first");
    }

    #[test]
    fn a_payment_has_one_content_under_every_message_id() {
        let line = |message| Delivery { payment: 7, message }.line();
        let payload = |line: String| line.split_once("\"payload\"").map(|(_, payload)| payload.to_owned());
        assert_ne!(line(1), line(2));
        assert_eq!(payload(line(1)), payload(line(2)));
        assert!(serde_json::from_str::<serde_json::Value>(&line(1)).is_ok());
    }
}

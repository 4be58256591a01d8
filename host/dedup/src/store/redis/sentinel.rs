//! The record by which a store knows its server again.
//!
//! Each primary holds one without an expiry, at best under `oncegate:sentinel`; its absence says that the server was
//! emptied, which changes neither of its ids. It is one line that people can read:
//!
//! `oncegate-sentinel 1 creation=ID tag=TAG lease_ms=N run_id=ID replication_id=ID since_ms=T`
//!
//! - The number is the layout's version. `creation` is drawn when the store is made; `tag` is the hash tag of its
//!   names, or nothing.
//! - `lease_ms` is the longest lease of any host that ever used the store.
//! - `run_id` and `replication_id` are the epoch in which the server was last seen, `since_ms` is the server's time
//!   when it was first seen in it: 0 if it was so when the store was made.
//!
//! In a cluster records lie on every primary, and so do sentinels: one for each slot whose number is a multiple of 256,
//! under `oncegate:sentinel:{T}` with a short `T` that has this slot; a primary that serves none of these has one for
//! the lowest of its slots. So they move with their slots.

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use oncegate_redis::{SLOTS, slot_of};

/// The layout that this version reads and writes.
const LAYOUT: u64 = 1;

const TITLE: &str = "oncegate-sentinel";

/// The name where there is no cluster, and what other names begin with.
const NAME: &str = "oncegate:sentinel";

/// Every so manieth slot has a sentinel.
const EVERY: u16 = 256;

/// What a server is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Another process, another one.
    pub run_id: String,
    /// Of a promoted replica, or after a restart, another one.
    pub replication_id: String,
}

/// A sentinel as it is read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinel {
    /// Drawn when the store was made.
    pub creation: String,
    /// The hash tag of all names, or nothing.
    pub tag: String,
    /// The longest lease of any host.
    pub lease_ms: u64,
    /// When it was last looked at.
    pub epoch: Epoch,
    /// Since when it is known that the server is in this epoch.
    pub since_ms: u64,
}

/// A text that is no sentinel of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// Of another layout.
    #[error(
        "it holds a store of layout {0}, and this host knows layout {LAYOUT}: use the host that wrote it"
    )]
    Layout(u64),
    /// Of another kind.
    #[error("its sentinel cannot be read: somebody else wrote it")]
    Garbled,
}

impl Sentinel {
    /// What they are called on a primary that serves these slots, or (without any) is no part of a cluster.
    pub fn names_on(slots: &[RangeInclusive<u16>]) -> Vec<String> {
        names(slots)
    }

    /// Reads one.
    pub fn read(text: &[u8]) -> Result<Self, NotOurs> {
        let text = std::str::from_utf8(text).map_err(|_| NotOurs::Garbled)?;
        let mut words = text.split(' ');
        let (title, layout) = (words.next(), words.next().and_then(|layout| layout.parse().ok()));
        match (title, layout) {
            (Some(TITLE), Some(LAYOUT)) => {}
            (Some(TITLE), Some(other)) => return Err(NotOurs::Layout(other)),
            _ => return Err(NotOurs::Garbled),
        }
        let mut word = |name: &str| {
            let value = words.next()?.strip_prefix(name)?.strip_prefix('=')?;
            Some(value.to_owned())
        };
        let mut read = || {
            Some(Self {
                creation: word("creation")?,
                tag: word("tag")?,
                lease_ms: word("lease_ms")?.parse().ok()?,
                epoch: Epoch { run_id: word("run_id")?, replication_id: word("replication_id")? },
                since_ms: word("since_ms")?.parse().ok()?,
            })
        };
        // Whoever writes it writes it so; a further word would be lost with the next change.
        read().filter(|sentinel| sentinel.to_string() == text).ok_or(NotOurs::Garbled)
    }

    /// The text up to the time.
    pub fn head(&self) -> String {
        let Self { creation, tag, lease_ms, epoch: Epoch { run_id, replication_id }, .. } = self;
        format!(
            "{TITLE} {LAYOUT} creation={creation} tag={tag} lease_ms={lease_ms} run_id={run_id} \
             replication_id={replication_id} since_ms="
        )
    }

    /// For how long from `now_ms` on, on the server's clock, what the server does not hold may be what it forgot.
    pub fn hold_ms(&self, now_ms: u64) -> u64 {
        if self.since_ms == 0 {
            return 0;
        }
        let until_ms = self.since_ms.saturating_add(self.lease_ms);
        // A clock that was set back prolongs nothing.
        until_ms.saturating_sub(now_ms).min(self.lease_ms)
    }
}

impl fmt::Display for Sentinel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.head(), self.since_ms)
    }
}

/// The names of the sentinels of a primary that serves these slots, or (without any) is no part of a cluster.
pub fn names(slots: &[RangeInclusive<u16>]) -> Vec<String> {
    let Some(lowest) = slots.first().map(|range| *range.start()) else { return vec![NAME.to_owned()] };
    let serves = |slot: &u16| slots.iter().any(|range| range.contains(slot));
    let mut served: Vec<u16> = (0..SLOTS / EVERY).map(|n| n * EVERY).filter(serves).collect();
    if served.is_empty() {
        served.push(lowest);
    }
    served.into_iter().map(name_in).collect()
}

/// The name of the sentinel of a slot.
fn name_in(slot: u16) -> String {
    // The first number whose digits, in base 36, have the slot. About one of 16,384 does.
    static TAGS: LazyLock<HashMap<u16, String>> = LazyLock::new(|| {
        let mut tags = HashMap::with_capacity(usize::from(SLOTS));
        let mut number = 0_u32;
        while tags.len() < usize::from(SLOTS) {
            let tag = base_36(number);
            tags.entry(slot_of(tag.as_bytes())).or_insert(tag);
            number += 1;
        }
        tags
    });
    let tag = TAGS.get(&slot).map_or("", String::as_str);
    format!("{NAME}:{{{tag}}}")
}

fn base_36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentinel() -> Sentinel {
        let epoch = Epoch { run_id: "r".to_owned(), replication_id: "p".to_owned() };
        Sentinel { creation: "c".to_owned(), tag: String::new(), lease_ms: 60_000, epoch, since_ms: 1000 }
    }

    #[test]
    fn a_sentinel_is_a_line_for_people_and_reads_back() {
        let text =
            "oncegate-sentinel 1 creation=c tag= lease_ms=60000 run_id=r replication_id=p since_ms=1000";
        assert_eq!(sentinel().to_string(), text);
        assert_eq!(Sentinel::read(text.as_bytes()), Ok(sentinel()));
        let newer = text.replace("sentinel 1", "sentinel 2");
        assert_eq!(Sentinel::read(newer.as_bytes()), Err(NotOurs::Layout(2)));
        for wrong in ["", "x", &text[..40], &format!("{text} more=1"), &text.replace("60000", "060000")] {
            assert_eq!(Sentinel::read(wrong.as_bytes()), Err(NotOurs::Garbled), "{wrong}");
        }
    }

    #[test]
    fn a_new_epoch_is_waited_out_for_one_lease_and_never_longer() {
        for (now_ms, hold_ms) in [(1000, 60_000), (1, 60_000), (60_999, 1), (61_000, 0), (u64::MAX, 0)] {
            assert_eq!(sentinel().hold_ms(now_ms), hold_ms, "{now_ms}");
        }
        assert_eq!(Sentinel { since_ms: 0, ..sentinel() }.hold_ms(5), 0, "nothing was there to be forgotten");
    }

    #[test]
    fn every_primary_has_a_sentinel_in_a_slot_that_it_serves() {
        assert_eq!(names(&[]), ["oncegate:sentinel"]);
        assert_eq!(names(&[0..=16383]).len(), 64);
        for slots in [vec![0..=5460], vec![1..=255], vec![300..=300, 511..=513], vec![16383..=16383]] {
            let names = names(&slots);
            assert!(!names.is_empty());
            for name in names {
                let slot = slot_of(name.as_bytes());
                assert!(slots.iter().any(|range| range.contains(&slot)), "{name} {slots:?}");
                assert!(name.len() < 26, "{name}");
            }
        }
        // Split between primaries, each multiple of 256 is somebody's.
        assert_eq!(names(&[0..=8191]).len() + names(&[8192..=16383]).len(), 64);
    }
}

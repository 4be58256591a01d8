//! What is remembered of keys, for people and for programs.

use oncegate_dedup::store::{Entry, Page};
use oncegate_dedup::text::shown;
use oncegate_dedup::{Key, Namespace, Record, State};
use serde_json::{Value, json};

use crate::cli::{json_line, print};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::settings::about;
use crate::stores::Opened;

/// Records asked for at once.
const PAGE: usize = 1000;

/// How much of a receipt is shown, in bytes.
const RECEIPT_BYTES: usize = 200;

/// The same where a program reads it. Only what a policy of ours never wrote is longer.
const MOST_BYTES: usize = 1 << 20;

/// Which records are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Claims that nobody ended in time.
    Stuck,
}

pub async fn get(opened: &Opened, key: &Key, json: bool) -> Result<(), Failure> {
    match opened.store.get(key).await.or_exit(Exit::Store)? {
        Some(entry) => print(&show(&entry, json)),
        None => Err(fail!(
            Exit::Failed,
            "no record of key {}: nobody claimed it, or its window has ended",
            key.name()
        )),
    }
}

pub async fn list(opened: &Opened, namespace: Namespace, which: Which, json: bool) -> Result<(), Failure> {
    let mut page = Page { namespace, cursor: None, limit: PAGE };
    loop {
        let listing = opened.store.list(&page).await.or_exit(Exit::Store)?;
        let wanted = listing.entries.iter().filter(|entry| which == Which::All || entry.is_stuck());
        print(&wanted.map(|entry| show(entry, json)).collect::<String>())?;
        match listing.next {
            Some(next) => page.cursor = Some(next),
            None => return Ok(()),
        }
    }
}

fn show(entry: &Entry, json: bool) -> String {
    match &entry.record {
        Ok(record) if json => json_line(&json_of(entry, record)),
        Ok(record) => format!("{}\n", text_line(entry, record)),
        Err(unreadable) if json => {
            json_line(&json!({"key": entry.key.name().to_string(), "unreadable": unreadable.to_string()}))
        }
        Err(unreadable) => format!("{}  unreadable: {unreadable}\n", entry.key.name()),
    }
}

fn state(entry: &Entry, record: &Record) -> &'static str {
    match record.state {
        State::Claimed if entry.is_stuck() => "claimed, lapsed",
        State::Released if record.is_just_forgotten() => "forgotten",
        state => state.word(),
    }
}

/// How long ago the lease ended. None if the claim is not stuck, or void because its process is gone: that was when
/// the process ended, which nobody recorded.
fn lapsed_ms(entry: &Entry, record: &Record) -> Option<u64> {
    (entry.is_stuck() && !entry.void).then(|| record.keep_ms.saturating_sub(entry.left_ms))
}

fn text_line(entry: &Entry, record: &Record) -> String {
    let mut line = format!("{}  {}", entry.key.name(), state(entry, record));
    match lapsed_ms(entry, record) {
        Some(ms) => line.push_str(&format!(" {} ago", about(ms))),
        None if entry.is_stuck() => line.push_str(" with its process"),
        None if record.state == State::Claimed => {
            line.push_str(&format!("  lease left {}", about(entry.lease_left_ms())));
        }
        None => {}
    }
    line.push_str(&format!("  kept {}  attempts {}", about(entry.left_ms), record.attempts));
    if record.host_deaths > 0 || entry.is_stuck() {
        line.push_str(&format!("  host deaths {}", record.host_deaths));
    }
    line.push_str(&format!("  fence {}", record.fence));
    if let Some(receipt) = &record.receipt {
        line.push_str(&format!("  receipt {}", shown(receipt, RECEIPT_BYTES)));
    }
    if !record.text.is_empty() {
        line.push_str(&format!("  {}", shown(record.text.as_bytes(), RECEIPT_BYTES)));
    }
    line
}

fn json_of(entry: &Entry, record: &Record) -> Value {
    json!({
        "key": entry.key.name().to_string(),
        "state": state(entry, record),
        "lease_left_ms": entry.lease_left_ms(),
        "lapsed_ms": lapsed_ms(entry, record),
        "left_ms": entry.left_ms,
        "attempts": record.attempts,
        "host_deaths": record.host_deaths,
        "fence": record.fence.to_string(),
        "fingerprint": record.fingerprint.map(|print| print.to_string()),
        "receipt": record.receipt.as_ref().map(|receipt| shown(receipt, MOST_BYTES)),
        "text": shown(record.text.as_bytes(), MOST_BYTES),
    })
}

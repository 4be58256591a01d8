//! How records leave when their time is over: an index by deadline, swept a little with every group.
//!
//! A group writes one page for each deadline that its records have, usually one, and a record that is written
//! again is simply named by a second page. A page that comes due therefore proves nothing: the record says
//! itself when it is gone, and whatever lives longer has a later page.

use std::collections::HashMap;

use super::FileStore;
use super::engine::Batch;
use super::envelope::Envelope;
use super::prepare::Writes;
use super::stamp::Stamp;
use super::turn::Turn;
use crate::Key;
use crate::store::StoreError;

/// Keys looked at with each group, beyond two for each record that it writes: more than are added, or
/// expired ones would never be caught up with.
const SWEPT_PER_GROUP: usize = 64;

/// A page is full at this length. Small, because a page is swept as a whole.
const PAGE_BYTES: usize = 4096;

/// The pages of one group.
#[derive(Debug, Default)]
pub(super) struct Pages {
    open: HashMap<u64, Vec<u8>>,
    full: Vec<(u64, Vec<u8>)>,
}

impl Pages {
    /// Names a key under its deadline.
    pub fn add(&mut self, until_ms: u64, key: &[u8]) {
        let page = self.open.entry(until_ms).or_default();
        // An encoded key has at most 1 + 64 + 1 + 128 bytes.
        page.push(key.len() as u8);
        page.extend_from_slice(key);
        if page.len() >= PAGE_BYTES {
            let page = std::mem::take(page);
            self.full.push((until_ms, page));
        }
    }

    /// Puts the pages into a batch.
    pub fn put(self, batch: &mut Batch<'_>, owner: u32, turn: &mut Turn) {
        let open = self.open.into_iter().filter(|(_, page)| !page.is_empty());
        for (until_ms, page) in self.full.into_iter().chain(open) {
            turn.page_serial += 1;
            turn.next_due_ms = turn.next_due_ms.min(until_ms);
            batch.put_page(&page_key(until_ms, Stamp { owner, number: turn.page_serial }), page);
        }
    }
}

fn page_key(until_ms: u64, serial: Stamp) -> Vec<u8> {
    let mut key = until_ms.to_be_bytes().to_vec();
    key.extend_from_slice(&serial.encode());
    key
}

fn page_keys(mut page: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = page.split_first()?;
        let (key, rest) = rest.split_at_checked(usize::from(length))?;
        page = rest;
        Some(key)
    })
}

impl FileStore {
    /// Removes records whose time is over, as many as are due and not more than a little more than `written`.
    pub(super) fn sweep(
        &self,
        turn: &mut Turn,
        batch: &mut Batch<'_>,
        written: &Writes,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        if turn.next_due_ms > now_ms {
            return Ok(());
        }
        let mut left = 2 * written.len() + SWEPT_PER_GROUP;
        for page in self.engine.pages_from(turn.first_page.clone()) {
            let (key, keys) = page?;
            let due_ms = key.split_first_chunk().map_or(0, |(due, _)| u64::from_be_bytes(*due));
            if due_ms > now_ms {
                turn.next_due_ms = due_ms;
                return Ok(());
            }
            if left == 0 {
                return Ok(());
            }
            for key in page_keys(&keys) {
                left = left.saturating_sub(1);
                self.sweep_key(key, batch, written, now_ms)?;
            }
            batch.remove_page(&key);
            turn.first_page = key.to_vec();
            // Behind it; what is added later has a greater key, because its deadline is not over yet.
            turn.first_page.push(0);
        }
        turn.next_due_ms = u64::MAX;
        Ok(())
    }

    fn sweep_key(
        &self,
        encoded: &[u8],
        batch: &mut Batch<'_>,
        written: &Writes,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let Some(bytes) = self.engine.record(encoded)? else { return Ok(()) };
        let Some((envelope, _)) = Envelope::open(&bytes) else { return Ok(()) };
        let Some(key) = Key::decode(encoded) else { return Ok(()) };
        if envelope.until_ms > now_ms || written.contains_key(&key) {
            return Ok(());
        }
        batch.remove_record(encoded);
        // The record also said that the claims before it are settled. While one of them may still be in the
        // claim log, the log has to say so itself, or a kill would bring it back.
        let mut log = self.log();
        if envelope.stamp >= log.base() {
            log.void(envelope.stamp.number, &key).map_err(|error| self.engine.fail(error.to_string()))?;
        }
        Ok(())
    }
}

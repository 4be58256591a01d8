//! The records of a namespace, found by their names, on every primary.
//!
//! A cursor is Redis's own and, in a cluster, the address of the primary that gave it, which come one after the other
//! in the order of their addresses. Records that move from one to another meanwhile may be missed or shown twice.

use oncegate_redis::redis::Value;

use super::{RedisStore, scatter, wire};
use crate::Key;
use crate::store::{Entry, Listing, Page, StoreError};

/// How many names a step of a listing looks at, at least.
const SCANNED: usize = 512;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// The primary; none where there is no cluster.
    address: Option<String>,
    cursor: u64,
}

impl Place {
    fn read(cursor: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(cursor).ok()?;
        let (cursor, address) = match text.split_once(' ') {
            Some((cursor, address)) => (cursor, Some(address.to_owned())),
            None => (text, None),
        };
        Some(Self { address, cursor: cursor.parse().ok()? })
    }

    fn write(&self) -> Vec<u8> {
        match &self.address {
            Some(address) => format!("{} {address}", self.cursor).into_bytes(),
            None => self.cursor.to_string().into_bytes(),
        }
    }
}

impl RedisStore {
    pub(super) async fn page(&self, page: &Page) -> Result<Listing, StoreError> {
        let refused = || StoreError::Refused("the cursor is not one of this Redis store".to_owned());
        let asked = match &page.cursor {
            Some(cursor) => Some(Place::read(cursor).ok_or_else(refused)?),
            None => None,
        };
        let addresses = self.addresses().await?;
        if asked.as_ref().is_some_and(|place| place.address.is_some() == addresses.is_empty()) {
            return Err(refused());
        }
        let mut place = match asked {
            // Its records are on others by now, which are visited in their turn or were.
            Some(Place { address: Some(gone), .. }) if !addresses.contains(&gone) => {
                let Some(next) = after(&addresses, Some(&gone)) else {
                    return Ok(Listing { entries: Vec::new(), next: None });
                };
                next
            }
            Some(place) => place,
            None => Place { address: addresses.first().cloned(), cursor: 0 },
        };
        // Most names may be somebody else's: go on until a page is worth showing.
        loop {
            let (cursor, entries) = self.step(&place, page).await?;
            let next = match cursor {
                0 => after(&addresses, place.address.as_deref()),
                cursor => Some(Place { cursor, ..place }),
            };
            match next {
                Some(next) if entries.is_empty() => place = next,
                next => return Ok(Listing { entries, next: next.map(|place| place.write()) }),
            }
        }
    }

    /// The cluster's primaries in their order; none where there is no cluster.
    async fn addresses(&self) -> Result<Vec<String>, StoreError> {
        if !self.server().is_cluster() {
            return Ok(Vec::new());
        }
        let primaries = self.server().primaries().await;
        let primaries = primaries.map_err(|why| StoreError::Unavailable(self.unavailable(&why)))?;
        let mut addresses: Vec<_> = primaries.into_iter().map(|primary| primary.address).collect();
        addresses.sort_unstable();
        Ok(addresses)
    }

    /// One step of Redis's own listing: where it goes on, and what it found.
    async fn step(&self, place: &Place, page: &Page) -> Result<(u64, Vec<Entry>), StoreError> {
        let pattern = self.names.pattern(&page.namespace);
        let part = wire::scan(place.cursor, &pattern, page.limit.max(SCANNED));
        let answer = match &place.address {
            Some(address) => self.server().ask_at(address, part).await,
            None => self.server().ask(part).await,
        };
        let found = answer.map_err(|why| StoreError::Unavailable(self.unavailable(&why)))?.into_iter().next();
        let Some((next, mut keys)) = wire::scanned(&self.names, found.unwrap_or(Value::Nil)) else {
            return Err(StoreError::Unavailable(self.unavailable("no list of names")));
        };
        keys.sort_unstable();
        keys.dedup();
        Ok((next, self.entries(&keys).await?))
    }

    /// The records of keys, without those that have ended.
    pub(super) async fn entries(&self, keys: &[Key]) -> Result<Vec<Entry>, StoreError> {
        let part = |keys: &[&Key]| wire::look(&self.names, keys);
        let sent = scatter::send(self.server(), keys, |key| self.slot(key), |_| 1, part);
        let mut entries = Vec::with_capacity(keys.len());
        for (key, answer) in keys.iter().zip(sent.answers().await) {
            let value = answer.map_err(|why| StoreError::Unavailable(self.unavailable(&why)))?;
            entries.extend(wire::seen(key, value)?);
        }
        Ok(entries)
    }
}

/// The beginning of the primary behind this one.
fn after(addresses: &[String], address: Option<&str>) -> Option<Place> {
    let next = addresses.iter().find(|next| Some(next.as_str()) > address)?;
    address.map(|_| Place { address: Some(next.clone()), cursor: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_leads_to_the_primary_behind() {
        let addresses = ["a:1".to_owned(), "b:1".to_owned()];
        let place = Place { address: Some("a:1".to_owned()), cursor: 7 };
        assert_eq!(Place::read(&place.write()), Some(place));
        assert_eq!(after(&addresses, Some("a:1")).unwrap().write(), b"0 b:1");
        // One that is gone has its place all the same.
        assert_eq!(after(&addresses, Some("a:2")).unwrap().write(), b"0 b:1");
        assert_eq!(after(&addresses, Some("b:1")), None);
        assert_eq!(after(&[], None), None);
        assert_eq!(Place::read(b"x"), None);
    }
}

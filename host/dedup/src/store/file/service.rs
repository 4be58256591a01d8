//! The store as every store can be asked.

use std::sync::Weak;

use futures_util::future::{BoxFuture, FutureExt as _, ready};

use super::FileStore;
use super::settling::Settling;
use crate::store::{
    Added, Claim, ClaimOutcome, Entry, Forgotten, Invalidate, Listing, Marked, Page, Requeued, SettleOutcome,
    Settlement, Store, StoreError, Usage,
};
use crate::{Fence, Key, Namespace, transition};

/// Everything is done in the calling thread, while the future is polled: a claim takes microseconds, a settle
/// as long as the disk does.
impl Store for FileStore {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        let outcomes = claims.iter().map(|claim| self.claim_one(claim)).collect();
        self.shorten_log();
        ready(outcomes).boxed()
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        ready(self.look(settlements)).boxed()
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        Settling::new(self, settlements).boxed()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        ready(self.entry(key)).boxed()
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        ready(self.page(page)).boxed()
    }

    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        ready(self.change(key, |record| transition::forget(record, expected, keep_ms))).boxed()
    }

    fn commit_for<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        window_ms: u64,
    ) -> BoxFuture<'a, Result<Marked, StoreError>> {
        ready(self.change(key, |record| transition::commit_for(record, expected, window_ms))).boxed()
    }

    fn requeue<'a>(
        &'a self,
        key: &'a Key,
        fence: Fence,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Requeued, StoreError>> {
        ready(self.change(key, |record| transition::requeue(record, fence, keep_ms))).boxed()
    }

    fn account<'a>(
        &'a self,
        namespace: &'a Namespace,
        added: &'a [Added],
    ) -> BoxFuture<'a, Result<Usage, StoreError>> {
        ready(self.account_of(namespace, added)).boxed()
    }

    fn watch(&self, cache: Weak<dyn Invalidate>) {
        self.watchers.add(cache);
    }

    fn describe(&self) -> String {
        format!("file:{} (durable; settles wait for the disk, claims do not)", self.path.display())
    }
}

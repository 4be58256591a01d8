//! A store that is down.

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use oncegate_dedup::store::{
    Claim, ClaimOutcome, Entry, Forgotten, Listing, Page, SettleOutcome, Settlement, Store, StoreError,
};
use oncegate_dedup::{Fence, Key};

const WHY: &str = "this store never answers";

#[derive(Debug)]
pub(crate) struct Outage;

fn error<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable(WHY.to_owned()))
}

impl Store for Outage {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        ready(claims.iter().map(|_| ClaimOutcome::Unavailable(WHY.to_owned())).collect()).boxed()
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.settle(settlements)
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        ready(settlements.iter().map(|_| SettleOutcome::Unavailable(WHY.to_owned())).collect()).boxed()
    }

    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        ready(error()).boxed()
    }

    fn list<'a>(&'a self, _: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        ready(error()).boxed()
    }

    fn forget<'a>(
        &'a self,
        _: &'a Key,
        _: Option<Fence>,
        _: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        ready(error()).boxed()
    }

    fn describe(&self) -> String {
        WHY.to_owned()
    }
}

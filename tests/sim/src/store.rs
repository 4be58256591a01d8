//! A host's store: records on a server, asked over a connection.

use std::sync::Weak;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use oncegate_dedup::store::{
    Claim, ClaimOutcome, Entry, Forgotten, Invalidate, Listing, Page, SettleOutcome, Settlement, Store,
    StoreError,
};
use oncegate_dedup::{Fence, Key};

use crate::link::{Answer, Request};
use crate::plan::{Broken, Gate};
use crate::wire::Wire;

/// A store on a simulated server.
#[derive(Debug)]
pub struct SimStore {
    pub wire: Wire,
    /// How many replicas have to hold what is settled.
    pub replicas: u32,
}

impl SimStore {
    async fn settled(&self, settlements: &[Settlement], request: Request) -> Vec<SettleOutcome> {
        match self.wire.ask_again(request).await {
            Ok(Answer::Settled(outcomes)) => outcomes,
            other => vec![SettleOutcome::Unavailable(why(other)); settlements.len()],
        }
    }
}

fn why(answer: Result<Answer, String>) -> String {
    answer.err().unwrap_or_else(|| "a strange answer".to_owned())
}

fn nobody<T>() -> Result<T, StoreError> {
    Err(StoreError::Refused("operators are simulated on the server".to_owned()))
}

impl Store for SimStore {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        async move {
            self.wire.pass(Gate::BeforeClaim).await;
            match self.wire.ask_again(Request::Claim(claims.to_vec())).await {
                Ok(Answer::Claimed(outcomes)) => outcomes,
                other => vec![ClaimOutcome::Unavailable(why(other)); claims.len()],
            }
        }
        .boxed()
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.settled(settlements, Request::Check(settlements.to_vec())).boxed()
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.settled(settlements, Request::Settle(settlements.to_vec())).boxed()
    }

    fn get<'a>(&'a self, _key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        ready(nobody()).boxed()
    }

    fn list<'a>(&'a self, _page: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        ready(nobody()).boxed()
    }

    fn forget<'a>(
        &'a self,
        _key: &'a Key,
        _expected: Option<Fence>,
        _keep_ms: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        ready(nobody()).boxed()
    }

    fn cache_epoch(&self) -> Option<u64> {
        let world = self.wire.sim.world();
        let link = &world.links[self.wire.link];
        if world.plan.broken == Some(Broken::KeepsCaches) {
            return Some(0);
        }
        link.up.then_some(link.epoch)
    }

    fn watch(&self, cache: Weak<dyn Invalidate>) {
        self.wire.sim.world().links[self.wire.link].caches.push(cache);
    }

    fn replicas(&self) -> u32 {
        self.replicas
    }

    fn replicated(&self, since: Option<u64>) -> BoxFuture<'_, Result<(), String>> {
        async move {
            if self.cache_epoch() != since {
                return Err("the connection was lost".to_owned());
            }
            // Longer than a replica ever is behind.
            let patience_us = self.wire.patience_us + 200_000;
            Wire { patience_us, ..self.wire.clone() }.ask(Request::Replicate).await?;
            if self.cache_epoch() == since { Ok(()) } else { Err("the connection was lost".to_owned()) }
        }
        .boxed()
    }

    fn describe(&self) -> String {
        "simulated".to_owned()
    }
}

//! The gate, as a handler sees it.

use oncegate_dedup::{self as dedup, SeenError};

use crate::bindings::oncegate::plugin::dedup::{Host, Refusal, Sighting};
use crate::invocation::State;
use crate::trap::Stop;

impl Host for State {
    async fn seen(&mut self, key: String) -> wasmtime::Result<Result<Sighting, Refusal>> {
        let watch = self.watch.clone();
        let (call, _) = self.enter(key.len())?;
        // Answered from memory, this does not wait.
        let answer = call.attempt.seen(key.as_bytes()).await;
        if let Some(until_ms) = call.attempt.acts_until_ms() {
            watch.acts_until(until_ms);
        }
        watch.check_time(&**call.attempt.gate().clock())?;
        match answer {
            Ok(sighting) => Ok(Ok(sighting.into())),
            Err(SeenError::Refused(refusal)) => Ok(Err(refusal.into())),
            Err(SeenError::Aborted) => Err(Stop::Aborted.into()),
        }
    }

    async fn commit(&mut self, key: String) -> wasmtime::Result<Result<(), Refusal>> {
        let (call, _) = self.enter(key.len())?;
        Ok(call.attempt.commit(key.as_bytes(), None).map_err(Refusal::from))
    }

    async fn commit_with(&mut self, key: String, receipt: Vec<u8>) -> wasmtime::Result<Result<(), Refusal>> {
        let (call, _) = self.enter(key.len().saturating_add(receipt.len()))?;
        Ok(call.attempt.commit(key.as_bytes(), Some(receipt)).map_err(Refusal::from))
    }
}

impl From<dedup::Sighting> for Sighting {
    fn from(sighting: dedup::Sighting) -> Self {
        match sighting {
            dedup::Sighting::New => Self::New,
            dedup::Sighting::Duplicate(receipt) => Self::Duplicate(receipt),
            dedup::Sighting::InFlight(left_ms) => Self::InFlight(left_ms),
        }
    }
}

impl From<dedup::Refusal> for Refusal {
    fn from(refusal: dedup::Refusal) -> Self {
        match refusal {
            dedup::Refusal::InvalidKey(why) => Self::InvalidKey(why),
            dedup::Refusal::NotClaimed => Self::NotClaimed,
            dedup::Refusal::Mismatch => Self::Mismatch,
            dedup::Refusal::Dead(reason) => Self::Dead(reason),
            dedup::Refusal::TooManyKeys(limit) => Self::TooManyKeys(limit),
            dedup::Refusal::ReceiptTooLarge(limit) => Self::ReceiptTooLarge(limit),
            // What the store said may name hosts and users, which is nothing for a handler. The operator gets
            // it with the verdict.
            dedup::Refusal::Unavailable(_) => Self::Unavailable("the store did not answer".to_owned()),
        }
    }
}

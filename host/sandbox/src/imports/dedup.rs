//! The gate, as a handler sees it.

use oncegate_dedup::{Refusal, SeenError, Sighting};

use crate::invocation::State;
use crate::trap::Stop;

impl State {
    /// Claims a key, or says why not.
    pub(crate) async fn seen(&mut self, key: &str) -> Result<Result<Sighting, Refusal>, Stop> {
        let watch = self.watch.clone();
        let (call, _) = self.enter(key.len())?;
        // Answered from memory, this does not wait.
        let answer = call.attempt.seen(key.as_bytes()).await;
        if let Some(until_ms) = call.attempt.acts_until_ms() {
            watch.acts_until(until_ms);
        }
        watch.check_time(&**call.attempt.gate().clock())?;
        match answer {
            Ok(sighting) => Ok(Ok(sighting)),
            Err(SeenError::Refused(refusal)) => Ok(Err(for_guests(refusal))),
            Err(SeenError::Aborted) => Err(Stop::Aborted),
        }
    }

    /// Stages a commit.
    pub(crate) fn commit(
        &mut self,
        key: &str,
        receipt: Option<Vec<u8>>,
    ) -> Result<Result<(), Refusal>, Stop> {
        let bytes = receipt.as_ref().map_or(0, Vec::len).saturating_add(key.len());
        let (call, _) = self.enter(bytes)?;
        Ok(call.attempt.commit(key.as_bytes(), receipt).map_err(for_guests))
    }
}

/// What the store said may name hosts and users, which is nothing for a handler. The operator gets it with the
/// verdict.
fn for_guests(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Unavailable(_) => Refusal::Unavailable("the store did not answer".to_owned()),
        refusal => refusal,
    }
}

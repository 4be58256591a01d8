//! The whole gate in one call.

use crate::{Receipt, Result, Sighting, commit, commit_with, retry, seen};

/// How a key passed the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once<R> {
    /// This invocation did the work and staged the commit; this is its receipt.
    First(R),
    /// The work was done before; these are the bytes that were stored with it, if any were.
    Duplicate(Option<Vec<u8>>),
}

impl<R: Receipt> Once<R> {
    /// Whether the work was done by this invocation.
    pub fn is_first(&self) -> bool {
        matches!(self, Once::First(_))
    }

    /// The receipt, the same for the first delivery and for every later one.
    ///
    /// # Errors
    ///
    /// If what was stored cannot be read as this type, for example because an older version of the handler
    /// stored another one. A handler that does not need the receipt does not call this, and its duplicates
    /// cannot fail so.
    pub fn receipt(self) -> Result<R> {
        match self {
            Once::First(receipt) => Ok(receipt),
            Once::Duplicate(stored) => R::from_bytes(stored),
        }
    }
}

/// Does the work that belongs to a key, unless it has been done: claims the key, runs `work` if the key is
/// new, and commits the key with the receipt that `work` returns.
///
/// The key names the business event (a payment's id, an order's number), not the delivery. What `work` emits
/// belongs to this key, so keys are not nested: an output emitted after an inner `once` would belong to the
/// inner key.
///
/// # Errors
///
/// - what `work` returned: nothing is committed, and the host releases the key;
/// - [`Retry`](crate::Error::Retry) if another delivery holds the key or the store cannot answer: the host
///   makes the delivery again and uses up no attempt;
/// - [`Reject`](crate::Error::Reject) if the key was committed with another payload or was given up, or if
///   the host refuses the key or the receipt.
///
/// ```
/// # use oncegate_sdk::{Message, Result, emit, once, testing::{Host, message}};
/// fn handle(message: Message) -> Result<()> {
///     let order: u64 = message.json()?;
///     once(&order.to_string(), || emit("parcels").json(&order))?;
///     Ok(())
/// }
/// # let mut host = Host::new();
/// # for _ in 0..2 { host.deliver(handle, message("17")); }
/// # assert_eq!(host.outputs().len(), 1);
/// ```
pub fn once<R: Receipt>(key: &str, work: impl FnOnce() -> Result<R>) -> Result<Once<R>> {
    match seen(key)? {
        Sighting::New => {
            let receipt = work()?;
            match receipt.as_bytes() {
                Some(bytes) => commit_with(key, bytes)?,
                None => commit(key)?,
            }
            Ok(Once::First(receipt))
        }
        Sighting::Duplicate(stored) => Ok(Once::Duplicate(stored)),
        Sighting::InFlight(left_ms) => {
            Err(retry(format!("key in flight elsewhere, for at most {left_ms} ms more")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{End, Host, message};
    use crate::{Message, emit, reject};

    fn charge(message: Message) -> Result<()> {
        let key: String = message.json()?;
        let receipt = once(&key, || {
            emit("charges").bytes(&message.payload)?;
            Ok(format!("ch_{key}"))
        })?;
        assert_eq!(receipt.receipt()?, format!("ch_{key}"));
        Ok(())
    }

    #[test]
    fn work_is_done_once_and_every_delivery_gets_the_receipt() {
        let mut host = Host::new();
        for _ in 0..3 {
            assert_eq!(host.deliver(charge, message("\"p1\"")), End::Applied);
        }
        assert_eq!(host.outputs().len(), 1);
        assert_eq!(host.receipt("p1"), Some(&b"ch_p1"[..]));
    }

    #[test]
    fn work_that_fails_commits_nothing_and_may_succeed_later() {
        let mut host = Host::new();
        let fails = |_| once("k", || Err::<(), _>(retry("not now"))).map(drop);
        assert_eq!(host.deliver(fails, message("")), End::Retried("not now".into()));
        assert!(!host.is_committed("k"));
        let works = |_| {
            let first = once("k", || Ok(()))?;
            assert!(first.is_first());
            Ok::<_, crate::Error>(())
        };
        assert_eq!(host.deliver(works, message("")), End::Applied);
        assert!(host.is_committed("k"));
    }

    #[test]
    fn a_key_in_flight_or_a_store_that_is_down_defers_the_delivery() {
        let plants: [fn(&mut Host); 2] =
            [|host| host.plant_in_flight("p1", 40), |host| host.set_store_down(true)];
        for plant in plants {
            let mut host = Host::new();
            plant(&mut host);
            assert_eq!(host.deliver(charge, message("\"p1\"")), End::Deferred);
            assert!(host.outputs().is_empty());
        }
    }

    #[test]
    fn another_payload_under_the_same_key_is_a_mismatch() {
        let mut host = Host::new();
        host.plant_committed_by(b"another", "p1", Some(b"ch_p1"));
        assert_eq!(host.deliver(charge, message("\"p1\"")), End::Mismatch);
    }

    #[test]
    fn a_receipt_of_another_type_fails_only_who_reads_it() {
        let stored = || Once::<String>::Duplicate(Some(vec![0xff]));
        assert!(!stored().is_first());
        assert!(stored().receipt().is_err_and(|error| error.is_reject()));
        assert_eq!(
            Once::<String>::Duplicate(None).receipt(),
            Err(reject("the key was committed without a receipt"))
        );
        assert_eq!(Once::<()>::Duplicate(Some(vec![0xff])).receipt(), Ok(()));
        assert_eq!(Once::<Vec<u8>>::Duplicate(Some(vec![0xff])).receipt(), Ok(vec![0xff]));
    }
}

//! A gate that every key passes once.
//!
//! Message brokers deliver at least once. A consumer that asks this gate before it acts makes each *effect*
//! happen once, although consumers race, hosts crash and replies get lost:
//!
//! ```
//! use oncegate_dedup::{Gate, HandlerEnd, Namespace, Origin, Policy, Sighting, SystemClock, Verdict};
//! use oncegate_dedup::store::MemoryStore;
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Arc::new(SystemClock);
//! let store = Arc::new(MemoryStore::new(clock.clone()));
//! let gate = Gate::new(Policy::new(Namespace::new("billing")?), Default::default(), store, clock)?;
//!
//! let mut charged = 0;
//! for delivery in ["d1", "d2"] {
//!     // One attempt for each delivery. Both carry the payment p-17.
//!     let mut attempt = gate.attempt(Origin::of("payments", delivery), None);
//!     if attempt.seen(b"p-17").await? == Sighting::New {
//!         charged += 1;
//!         attempt.commit(b"p-17", Some(b"receipt".to_vec()))?;
//!     }
//!     let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
//!     assert_eq!(verdict, Verdict::Apply);
//!     gate.settle(attempt.end(&verdict)).await;
//!     // Now acknowledge the delivery.
//! }
//! assert_eq!(charged, 1);
//! # Ok(()) }
//! ```
//!
//! - A claim is one atomic step in the store, with a lease and a fence; there is no check-then-act.
//! - A commit is accepted only from the claim's holder. Its receipt is handed to every later duplicate.
//! - A crash forgets no attempt: a claim's record outlives its lease.
//! - Time, chance and transport come in through [`Clock`] and [`Store`](store::Store), so that all of it runs
//!   in a simulator as well.

#![deny(missing_docs)]

mod afterthoughts;
mod attempt;
mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod digest;
mod ending;
mod fence;
mod gate;
pub mod hex;
mod inflight;
mod key;
mod l1;
mod mark;
mod policy;
mod record;
mod sighting;
pub mod store;
pub mod transition;
mod verdict;

pub use attempt::{Asked, Attempt};
pub use clock::{Clock, SystemClock};
pub use ending::Ending;
pub use fence::{AttemptId, Fence, Fingerprint, InvalidFence, Origin};
pub use gate::Gate;
pub use key::{InvalidNamespace, Key, KeyName, MAX_NAMESPACE_BYTES, MAX_PLAIN_KEY_BYTES, Namespace};
pub use l1::{ENTRY_OVERHEAD_BYTES, L1Limits};
pub use mark::{Mark, Told};
pub use oncegate_redis::text;
pub use policy::{Outage, Policy, PolicyError};
pub use record::{HEADER_BYTES, MAX_TEXT_BYTES, Record, State, Unreadable, VERSION};
pub use sighting::{Aborted, DuplicateBy, Refusal, SeenError, Shadowed, Sighting};
pub use verdict::{Death, Deferral, HandlerEnd, Verdict};

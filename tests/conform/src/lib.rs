//! The cases of `tests/conformance`: what a handler can do and be told, and what has to come of it.
//!
//! ```text
//! Case           one folder's case.json, read strictly
//! Found          what came of one delivery, in whatever host
//! Expect::differences(&Found)
//! Real           a component in the real sandbox, behind the real gate
//! ```
//!
//! A native host of some SDK makes its own [`Found`] and has it [checked](Case::check) in the same way.

#![deny(missing_docs)]

mod blob;
mod case;
mod cases;
mod clock;
mod expect;
mod found;
mod outage;
mod planted;
mod real;

pub use blob::{Blob, Text};
pub use case::{Before, Case, Delivery, Gating, Limits, Message};
pub use cases::{folder, read_all};
pub use expect::Expect;
pub use found::{End, Found, Output, RESULTS};
pub use real::{Instances, Real};

//! The hostile handlers of `plugins/evil`, for the tests that run them: a case is a folder, and what is in it is data.
//! The format is described in `plugins/evil/README.md`. This crate knows nothing of the host: it turns a case's text
//! into a component, and says whether a text is the expected one.

#![deny(missing_docs)]

mod case;
mod component;
mod expected;
mod folder;

pub use case::{Before, Case, Limits, Repeat};
pub use expected::{End, Expected, Verdict, matches};

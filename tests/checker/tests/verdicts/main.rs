//! Each violation is found, and nothing else is: evidence written by hand, judged by the program itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conservation;
mod dead_letters;
mod doubled;
mod evidence;
mod folder;
mod independence;
mod last_five;
mod lost;
mod text;
mod unexpected;
mod vacuous;

//! What is decided: a file for each thing.

pub mod conservation;
pub mod dead_letters;
pub mod doubled;
pub mod last_five;
pub mod lost;
pub mod unexpected;
pub mod vacuous;

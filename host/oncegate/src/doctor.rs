//! What is wrong, or may go wrong, with stores and pipelines, and what to change.

mod files;
mod finding;
mod identity;
mod memory;
mod policy;
mod replicas;
mod server;
mod stream;

pub use files::check as check_files;
pub use finding::{Part, Report};
pub use identity::check as check_identity;
pub use memory::{Load, check as check_memory};
pub use policy::check as check_policy;
pub use replicas::check_quorum;
pub use server::{Wants, check as check_server};
pub use stream::{Source, check_letters, check_source};

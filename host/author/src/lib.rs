//! What an author of handlers needs: a project, its toolchain, a component.
//!
//! The SDKs and the contract are part of this library. A project is written whole, where there is no checkout and
//! nothing is published; building it runs the language's own tools and makes a component of what comes out.
//!
//! Nothing here is for hosts: whatever is built runs the author's own tools with the author's rights.

#![deny(missing_docs)]

mod build;
mod component;
mod error;
mod kit;
mod language;
mod producers;
mod project;
mod scaffold;
mod tool;
mod versions;

pub use build::{Built, build};
pub use component::{Adapter, encode, imports};
pub use error::Error;
pub use language::Language;
pub use project::Project;
pub use scaffold::{Scaffold, SdkFrom};
pub use versions::Versions;

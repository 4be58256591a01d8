//! Why a file is no handler.

use crate::compile::CompileError;
use crate::unit::Size;

/// Why a file is no handler. Each is one line that says what was found and what is expected, and reads well
/// behind "PATH: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Beyond [`Limits::component_bytes`](crate::Limits::component_bytes).
    #[error("it is larger than {}, which is the limit for a component", Size(*limit))]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Nothing in it.
    #[error("it is empty; expected a WebAssembly component")]
    Empty,
    /// Component text, or any other text.
    #[error(
        "it is text, not a WebAssembly component; component text has to be turned into its binary form \
         first"
    )]
    Text,
    /// Some other file.
    #[error("it is not WebAssembly (it begins with {found}); expected a WebAssembly component")]
    NotWasm {
        /// Its first bytes in hexadecimal.
        found: String,
    },
    /// What compilers make before a component is made of it.
    #[error(
        "it is a core module, not a component; make a component of it (`wasm-tools component new`) or \
         build it with an SDK"
    )]
    CoreModule,
    /// WebAssembly of a form that we do not know.
    #[error("it is WebAssembly of an unknown form (version field {found}); expected a component")]
    UnknownForm {
        /// The version field in hexadecimal.
        found: String,
    },
    /// Machine code, which nobody could verify.
    #[error(
        "it is precompiled machine code, which cannot be verified and is never run; give the component \
         that it was made from"
    )]
    Precompiled,
    /// The runtime refuses it.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// It was not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It wants more than the contract.
    #[error(
        "it imports what no handler is granted: {names}; a handler may import \
         oncegate:plugin/{{{interfaces}}}@{version} and \
         wasi:{{cli,clocks,filesystem,io,random,sockets,http}}@0.2 and nothing else"
    )]
    Imports {
        /// All of it, separated by commas.
        names: String,
        /// What it might import of the contract.
        interfaces: String,
        /// The version of the contract that it was built for.
        version: &'static str,
    },
    /// Another version of the contract than those that this host serves.
    #[error(
        "it was built for version {found} of oncegate:plugin, and this host serves {served}; {hosts}, or build it again \
         with an SDK for {newest}"
    )]
    Version {
        /// The version.
        found: String,
        /// The versions that are served, separated by commas.
        served: String,
        /// Which host serves it, as far as that is known.
        hosts: String,
        /// The newest version that is served.
        newest: &'static str,
    },
    /// More than one version of the contract, served or not.
    #[error(
        "it imports versions {found} of oncegate:plugin at once: a handler is of one, build it with one SDK"
    )]
    Versions {
        /// All of them.
        found: String,
    },
    /// Not this world.
    #[error(
        "it is a component of another world: it exports no function `handle` (it exports {exports}); \
         expected the world oncegate:plugin/handler@{version}"
    )]
    NoHandle {
        /// What it exports, separated by commas.
        exports: String,
        /// The version of the contract that it was built for.
        version: &'static str,
    },
    /// Something of the contract with another type.
    #[error("it does not fit the world oncegate:plugin/handler@{version}: {why}")]
    Type {
        /// What does not fit.
        why: String,
        /// The version of the contract that it was built for.
        version: &'static str,
    },
    /// No instance of it could ever be made.
    #[error("one instance of it needs {needed}, and {allowed} are allowed")]
    TooMuch {
        /// What it needs.
        needed: String,
        /// The limit.
        allowed: String,
    },
}

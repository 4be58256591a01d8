//! A handler's code: read, judged, compiled, type-checked.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use oncegate_dedup::hex;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Linker;

use crate::contract::{self, Pre, Version};
use crate::engine::Engine;
use crate::form;
use crate::invocation::State;
use crate::limits::Limits;
use crate::load_error::LoadError;
use crate::trap::one_line;
use crate::wasi::{self, Capability, TooMany};

/// A component of the world `handler`. Everything about it that can be checked has been: a message cannot fail
/// on linking. Cheap to clone.
#[derive(Clone)]
pub struct Component {
    pub(crate) pre: Pre,
    pub(crate) engine: Engine,
    digest: [u8; 32],
    size: usize,
    asks: Vec<Capability>,
    denied: Vec<Arc<str>>,
}

/// What can be said of a component that is, or would like to be, a handler. Names are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The world, without a version, if it is ours.
    pub world: Option<&'static str>,
    /// The versions of the contract that its imports mention. A handler's is one, or none if it imports
    /// nothing by name.
    pub versions: Vec<String>,
    /// Everything that it imports.
    pub imports: Vec<String>,
    /// What it asks for beyond the contract, granted or not.
    pub asks: Vec<Capability>,
    /// The functions that it imports and that trap when they are called. Empty if it is refused.
    pub denied: Vec<String>,
    /// Everything that it exports.
    pub exports: Vec<String>,
    /// The file's SHA-256 in hexadecimal.
    pub digest: String,
    /// The file's size in bytes.
    pub size: usize,
    /// Why it would not be run, if so.
    pub refused: Option<LoadError>,
}

impl Component {
    /// Loads a file, reading no more of it than [`Limits::component_bytes`].
    pub fn read(engine: &Engine, path: &Path, limits: &Limits) -> Result<Self, LoadError> {
        Self::load(engine, &form::read(path, limits)?, limits)
    }

    /// Compiles and checks a component in its binary form. Compiling takes about 1 ms for each 2 KiB, unless the
    /// engine's compiler knows the component already.
    pub fn load(engine: &Engine, bytes: &[u8], limits: &Limits) -> Result<Self, LoadError> {
        Self::check(engine, &compile(engine, bytes, limits)?, bytes)
    }

    /// Says what a component is, whether it would be run or not. Fails on what is no component at all, or too large
    /// to be compiled.
    pub fn inspect(engine: &Engine, bytes: &[u8], limits: &Limits) -> Result<Inspection, LoadError> {
        let compiled = compile(engine, bytes, limits)?;
        let names = Names::of(engine, &compiled);
        let (denied, refused) = match Self::check(engine, &compiled, bytes) {
            Ok(component) => (component.denied.iter().map(|name| name.to_string()).collect(), None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let escaped =
            |names: &[String]| names.iter().map(|name| contract::list([&**name].into_iter())).collect();
        Ok(Inspection {
            world: refused.is_none().then_some(contract::WORLD),
            versions: contract::versions(names.imports.iter().map(String::as_str)),
            imports: escaped(&names.imports),
            asks: wasi::asked(engine, &compiled),
            denied,
            exports: escaped(&names.exports),
            digest: hex::encode(&Sha256::digest(bytes)),
            size: bytes.len(),
            refused,
        })
    }

    fn check(
        engine: &Engine,
        compiled: &wasmtime::component::Component,
        bytes: &[u8],
    ) -> Result<Self, LoadError> {
        let names = Names::of(engine, compiled);
        let version = contract::check_imports(names.imports.iter().map(String::as_str))?;
        if !names.exports.iter().any(|name| name == "handle") {
            let exports = contract::list(names.exports.iter().map(String::as_str));
            return Err(LoadError::NoHandle { exports, version: version.as_str() });
        }
        let (pre, denied) = link(engine, compiled, version)?;
        let digest = Sha256::digest(bytes).into();
        let asks = wasi::asked(engine, compiled);
        Ok(Self { pre, engine: engine.clone(), digest, size: bytes.len(), asks, denied })
    }

    /// The file's SHA-256.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The file's size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What it asks for beyond the contract, granted or not.
    pub fn asks(&self) -> &[Capability] {
        &self.asks
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = hex::encode(&self.digest);
        f.debug_struct("Component").field("digest", &digest).field("size", &self.size).finish()
    }
}

fn compile(
    engine: &Engine,
    bytes: &[u8],
    limits: &Limits,
) -> Result<wasmtime::component::Component, LoadError> {
    form::check(bytes, limits)?;
    engine.compile(bytes, limits)
}

struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Names {
    fn of(engine: &Engine, compiled: &wasmtime::component::Component) -> Self {
        let kind = compiled.component_type();
        let imports = kind.imports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
        let exports = kind.exports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
        Self { imports, exports }
    }
}

/// Type-checks all of it. Gives the functions that are denied, too.
fn link(
    engine: &Engine,
    compiled: &wasmtime::component::Component,
    version: Version,
) -> Result<(Pre, Vec<Arc<str>>), LoadError> {
    let unfit = |error: wasmtime::Error| LoadError::Type { why: one_line(&error), version: version.as_str() };
    let mut linker: Linker<State> = Linker::new(engine.wasmtime());
    version.link(&mut linker).map_err(unfit)?;
    let denied = wasi::link(engine, &mut linker, compiled).map_err(unfit)?;
    let denied = denied.map_err(|TooMany { limit }| LoadError::TooMuch {
        needed: format!("more than {limit} functions and resources of wasi:*"),
        allowed: limit.to_string(),
    })?;
    let pre = linker.instantiate_pre(compiled).and_then(|pre| version.pre(pre)).map_err(unfit)?;
    Ok((pre, denied))
}

//! From a core module, or from text, to a component.

use std::path::Path;

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, decode, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldItem};

use crate::error::Error;
use crate::kit;

/// The contract's world.
const WORLD: &str = "handler";
/// The module that programs of WASI preview 1 import from, and the world that an adapter for it has.
const PREVIEW_1: &str = "wasi_snapshot_preview1";
const ADAPTER: &str = "adapter";
/// The custom section in which a core module says what its imports and exports mean begins so.
const METADATA: &str = "component-type";

/// What a program of WASI preview 1 imports, made of what a handler may import.
#[derive(Debug, Clone, Copy)]
pub struct Adapter<'a> {
    /// A core module, as text.
    pub text: &'a [u8],
    /// What it imports, as the world `adapter`.
    pub wit: &'a str,
}

/// Makes a component of a core module. One that does not say what its imports and exports mean (bindings generators
/// and the Rust SDK write that down) is taken for a handler of the contract.
pub fn encode(module: &[u8], adapter: Option<&Adapter<'_>>) -> Result<Vec<u8>, Error> {
    encode_with(Path::new("the core module"), module, adapter)
}

/// The same, with a name for errors.
pub(crate) fn encode_with(
    path: &Path,
    module: &[u8],
    adapter: Option<&Adapter<'_>>,
) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::component(path)(error);
    let has_metadata = has_metadata(module).map_err(Error::component(path))?;
    let module = match has_metadata {
        true => module.to_vec(),
        false => with_world(module.to_vec(), contract(), WORLD).map_err(failed)?,
    };
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).map_err(Error::component(path))?;
    if let Some(adapter) = adapter {
        let text = wat::parse_bytes(adapter.text).map_err(Error::component(path))?.into_owned();
        let mut wit = SourceMap::default();
        wit.push_str("adapter.wit", adapter.wit);
        let adapter = with_world(text, wit, ADAPTER).map_err(failed)?;
        encoder.adapter(PREVIEW_1, &adapter).map_err(Error::component(path))?;
    }
    encoder.validate(true).encode().map_err(Error::component(path))
}

/// Whether a core module says what its imports and exports mean.
fn has_metadata(module: &[u8]) -> wasmparser::Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload?
            && section.name().starts_with(METADATA)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The contract, as it is part of this library.
fn contract() -> SourceMap {
    let mut sources = SourceMap::default();
    for file in kit::wit() {
        sources.push_str(file.path, String::from_utf8_lossy(file.bytes));
    }
    sources
}

/// A core module that says what its imports and exports mean.
fn with_world(mut module: Vec<u8>, wit: SourceMap, world: &str) -> Result<Vec<u8>, String> {
    let group = wit.parse().map_err(|(sources, error)| error.render(&sources))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).map_err(|error| error.to_string())?;
    let world = resolve.select_world(&[package], Some(world)).map_err(|error| error.to_string())?;
    let embedded = embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8);
    embedded.map(|()| module).map_err(|error| format!("{error:#}"))
}

/// Component text in its binary form.
pub(crate) fn text(path: &Path) -> Result<Vec<u8>, Error> {
    let text = std::fs::read(path).map_err(Error::file(path))?;
    let component = wat::parse_bytes(&text).map_err(Error::component(path))?.into_owned();
    match component.get(4..8) {
        Some([0x0d, 0, 1, 0]) => Ok(component),
        _ => encode_with(path, &component, None),
    }
}

/// The names of a component's imports, with their versions. Types are not among them: a world names those that
/// its own functions use, and there is nothing behind them to call.
pub fn imports(component: &[u8]) -> Result<Vec<String>, Error> {
    let path = Path::new("the component");
    let decoded = decode(component).map_err(Error::component(path))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(Error::Component { path: path.to_owned(), why: "it is no component".to_owned() });
    };
    let Some(world) = resolve.worlds.get(world) else { return Ok(Vec::new()) };
    let callable = world.imports.iter().filter(|(_, item)| !matches!(item, WorldItem::Type { .. }));
    Ok(callable.map(|(key, _)| resolve.name_world_key(key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest core module: magic number and version.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_module_that_exports_no_handler_is_told_so() {
        let error = encode(EMPTY, None).unwrap_err().to_string();
        assert!(error.starts_with("no component can be made of the core module: "), "{error}");
        assert!(error.contains("handle"), "{error}");
    }

    #[test]
    fn what_is_no_module_or_no_component_is_an_error() {
        assert!(encode(b"not wasm", None).is_err());
        assert!(imports(b"not wasm").is_err());
    }

    #[test]
    fn a_module_by_hand_becomes_a_component_that_imports_what_it_uses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handler.wat");
        let module = r#"(module
            (import "oncegate:plugin/dedup@0.1.0" "commit" (func (param i32 i32 i32)))
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
              i32.const 0))"#;
        std::fs::write(&path, module).unwrap();
        let component = text(&path).unwrap();
        let imports = imports(&component).unwrap();
        assert!(imports.contains(&"oncegate:plugin/dedup@0.1.0".to_owned()), "{imports:?}");
    }
}

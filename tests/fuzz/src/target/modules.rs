//! Core modules by chance, wrapped into the world.
//!
//! Chance makes imports and exports of exactly the names and types that the world's handler has, and anything at all
//! between them; wrapping turns that into a component.

use std::path::Path;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

use crate::bytes::Bytes;
use crate::loader;
use crate::rng::Rng;

struct World {
    resolve: Resolve,
    id: WorldId,
    /// A module with the imports and exports of a handler.
    shape: Vec<u8>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/plugin/0.1.0");
    let (package, _) = resolve.push_path(folder).expect("the contract");
    let id = resolve.select_world(&[package], Some("handler")).expect("its world");
    let shape = dummy_module(&resolve, id, ManglingAndAbi::Standard32);
    World { resolve, id, shape }
});

pub fn seeds() -> Vec<Vec<u8>> {
    (0..8)
        .map(|seed| {
            let mut rng = Rng::new(seed);
            (0..600 + 300 * seed).map(|_| rng.byte()).collect()
        })
        .collect()
}

pub fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let encoding = bytes.one_of(&[StringEncoding::UTF8, StringEncoding::UTF16, StringEncoding::CompactUTF16]);
    let terminates = bytes.flag();
    let Some(component) = component(bytes.0, encoding, terminates) else { return };
    loader::trial(&component);
}

/// None where the bytes are too few for a module, or what came out is nothing that can be wrapped.
fn component(bytes: &[u8], encoding: StringEncoding, terminates: bool) -> Option<Vec<u8>> {
    let config = Config {
        module_shape: Some(WORLD.shape.clone()),
        max_memory32_bytes: 2 << 20,
        max_table_elements: 100,
        min_funcs: 1,
        max_instructions: 200,
        threads_enabled: false,
        memory64_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        tail_call_enabled: true,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        ..Config::default()
    };
    let mut module = Module::new(config, &mut Unstructured::new(bytes)).ok()?;
    if terminates {
        module.ensure_termination(1000).ok()?;
    }
    let mut module = module.to_bytes();
    embed_component_metadata(&mut module, &WORLD.resolve, WORLD.id, encoding).ok()?;
    ComponentEncoder::default().module(&module).ok()?.encode().ok()
}

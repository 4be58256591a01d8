//! What is loaded, and what each refusal says.

#![cfg(test)]

mod common;

use common::*;
use oncegate_sandbox::{Component, Limits, LoadError};

fn refusal(bytes: &[u8]) -> String {
    Component::load(engine(), bytes, &Limits::default()).unwrap_err().to_string()
}

fn evil_refusal(name: &str) -> String {
    load(&evil(name)).unwrap_err().to_string()
}

#[test]
fn what_is_no_component_is_named() {
    assert_eq!(refusal(b""), "it is empty; expected a WebAssembly component");
    assert_eq!(
        refusal(b"(component)"),
        "it is text, not a WebAssembly component; component text has to be turned into its binary form first"
    );
    assert_eq!(
        refusal(b"\x7fELF\x02\x01\x01\x00"),
        "it is not WebAssembly (it begins with 7f454c46); expected a WebAssembly component"
    );
    assert_eq!(
        refusal(&wat::parse_str("(module)").unwrap()),
        "it is a core module, not a component; make a component of it (`wasm-tools component new`) or build it \
         with an SDK"
    );
    assert_eq!(
        refusal(b"\0asm\x0a\0\x01\0"),
        "it is WebAssembly of an unknown form (version field 0a000100); expected a component"
    );
    assert_eq!(
        refusal(b"\0asm"),
        "it is WebAssembly of an unknown form (version field ); expected a component"
    );
}

#[test]
fn machine_code_is_never_run() {
    let engine = wasmtime::Engine::default();
    let code = engine.precompile_component(&binary(&fixture("honest"))).unwrap();
    assert_eq!(
        refusal(&code),
        "it is precompiled machine code, which cannot be verified and is never run; give the component that it \
         was made from"
    );
}

#[test]
fn a_damaged_component_is_refused_in_one_line() {
    let bytes = binary(&fixture("honest"));
    for end in [9, 100, bytes.len() / 2, bytes.len() - 1] {
        let refusal = refusal(&bytes[..end]);
        assert!(!refusal.contains('\n') && refusal.len() < 400, "{refusal}");
    }
    let mut flipped = bytes.clone();
    for at in (8..bytes.len()).step_by(7) {
        flipped[at] ^= 0x55;
        // Valid or not: it must not panic.
        let _ = Component::load(engine(), &flipped, &Limits::default());
        flipped[at] = bytes[at];
    }
}

#[test]
fn size_is_limited_before_anything_is_read() {
    let limits = Limits { component_bytes: 1 << 10, ..Limits::default() };
    let bytes = binary(&fixture("honest"));
    let error = Component::load(engine(), &bytes, &limits).unwrap_err();
    assert_eq!(error.to_string(), "it is larger than 1 KiB, which is the limit for a component");
    // A device without an end.
    let error = Component::read(engine(), "/dev/zero".as_ref(), &limits).unwrap_err();
    assert_eq!(error, LoadError::TooLarge { limit: 1 << 10 });
    let error = Component::read(engine(), "/nowhere/p.wasm".as_ref(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "it cannot be read: No such file or directory (os error 2)");
}

#[test]
fn other_worlds_and_versions_are_refused_by_name() {
    assert_eq!(
        evil_refusal("wrong-world"),
        "it is a component of another world: it exports no function `handle` (it exports run); expected the \
         world oncegate:plugin/handler@0.1.0"
    );
    assert_eq!(
        evil_refusal("wrong-version"),
        "it was built for version 0.1.7 of oncegate:plugin, and this host serves 0.1.0: build it again with an \
         SDK for 0.1.0"
    );
    assert_eq!(
        evil_refusal("imports-wasi"),
        "it imports what no handler is granted: wasi:cli/environment@0.3.0, wasi:keyvalue/store@0.2.0; a handler \
         may import oncegate:plugin/{types,dedup,output,log,config}@0.1.0 and \
         wasi:{cli,clocks,filesystem,io,random,sockets,http}@0.2 and nothing else"
    );
    let wrong_type = evil_refusal("wrong-type");
    assert!(
        wrong_type.starts_with("it does not fit the world oncegate:plugin/handler@0.1.0: ")
            && !wrong_type.contains('\n'),
        "{wrong_type}"
    );
}

#[test]
fn what_could_never_run_is_refused_when_loaded() {
    assert_eq!(
        evil_refusal("starts-large"),
        "one instance of it needs 1024 MiB of memory at its start, and 64 MiB are allowed"
    );
    assert_eq!(evil_refusal("many-memories"), "one instance of it needs 9 memories, and 4 are allowed");
}

#[test]
fn an_inspection_says_what_a_component_is() {
    let bytes = binary(&fixture("honest"));
    let inspection = Component::inspect(engine(), &bytes, &Limits::default()).unwrap();
    assert_eq!(inspection.world, Some("oncegate:plugin/handler"));
    assert_eq!(inspection.versions, ["0.1.0"]);
    assert_eq!(
        inspection.imports,
        ["oncegate:plugin/types@0.1.0", "oncegate:plugin/dedup@0.1.0", "oncegate:plugin/output@0.1.0"]
    );
    assert_eq!(inspection.exports, ["handle"]);
    assert_eq!((inspection.size, inspection.digest.len()), (bytes.len(), 64));
    assert_eq!(inspection.refused, None);
    let loaded = load(&fixture("honest")).unwrap();
    assert_eq!(
        (oncegate_dedup::hex::encode(loaded.digest()), loaded.size()),
        (inspection.digest, bytes.len())
    );

    let foreign = Component::inspect(engine(), &binary(&evil("wrong-version")), &Limits::default()).unwrap();
    assert_eq!((foreign.world, foreign.versions), (None, vec!["0.1.7".to_owned()]));
    assert!(matches!(foreign.refused, Some(LoadError::Version { .. })));
}

//! What is loaded, and what each refusal says.

#![cfg(test)]

mod common;

use common::*;
use oncegate_sandbox::{Component, Limits, LoadError};

fn refusal(bytes: &[u8]) -> String {
    Component::load(engine(), bytes, &Limits::default()).unwrap_err().to_string()
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
    let code = engine.precompile_component(&fixture("honest")).unwrap();
    assert_eq!(
        refusal(&code),
        "it is precompiled machine code, which cannot be verified and is never run; give the component that it \
         was made from"
    );
}

#[test]
fn a_damaged_component_is_refused_in_one_line() {
    let bytes = fixture("honest");
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
    let bytes = fixture("honest");
    let error = Component::load(engine(), &bytes, &limits).unwrap_err();
    assert_eq!(error.to_string(), "it is larger than 1 KiB, which is the limit for a component");
    // A device without an end.
    let error = Component::read(engine(), "/dev/zero".as_ref(), &limits).unwrap_err();
    assert_eq!(error, LoadError::TooLarge { limit: 1 << 10 });
    let error = Component::read(engine(), "/nowhere/p.wasm".as_ref(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "it cannot be read: No such file or directory (os error 2)");
}

#[test]
fn an_inspection_says_what_a_component_is() {
    let bytes = fixture("honest");
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

    let foreign = Component::inspect(engine(), &evil("wrong-version"), &Limits::default()).unwrap();
    assert_eq!((foreign.world, foreign.versions), (None, vec!["0.1.7".to_owned()]));
    assert!(matches!(foreign.refused, Some(LoadError::Version { .. })));
}

//! The contract as Rust, generated from its WIT.
#![allow(missing_docs, reason = "what is documented there is documented in the WIT")]

wasmtime::component::bindgen!({
    path: "../../wit/plugin/0.1.0",
    world: "handler",
    imports: { default: async | trappable },
    exports: { default: async },
});

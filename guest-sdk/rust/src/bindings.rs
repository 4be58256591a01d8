//! What the contract's WIT says, as Rust. Generated; the pleasant layer is the rest of this crate.
#![expect(clippy::too_many_arguments, reason = "the generator's code")]

wit_bindgen::generate!({
    path: "wit",
    world: "handler",
    // `handler!` exports the world from the user's crate, not from this one.
    pub_export_macro: true,
    default_bindings_module: "oncegate_sdk::bindings",
    generate_all,
});

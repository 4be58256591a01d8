//! `wasi:random`: from the system, or from the operator's seed.

use wasmtime::component::LinkerInstance;

use super::Store;
use crate::invocation::State;

pub(super) fn define(
    to: &mut LinkerInstance<'_, State>,
    interface: &str,
    function: &str,
) -> wasmtime::Result<bool> {
    match (interface, function) {
        ("random", "get-random-bytes") | ("insecure", "get-insecure-random-bytes") => {
            to.func_wrap(function, |mut store: Store<'_>, (length,): (u64,)| {
                // Charged before anything is allocated: the guest may ask for all there is.
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let wasi = store.data_mut().enter_wasi(length)?;
                Ok((wasi.chance.bytes(length)?,))
            })?;
        }
        ("random", "get-random-u64") | ("insecure", "get-insecure-random-u64") => {
            to.func_wrap(function, |mut store: Store<'_>, ()| {
                Ok((store.data_mut().enter_wasi(8)?.chance.number()?,))
            })?;
        }
        ("insecure-seed", "insecure-seed") => {
            to.func_wrap(function, |mut store: Store<'_>, ()| {
                let chance = &mut store.data_mut().enter_wasi(16)?.chance;
                Ok(((chance.number()?, chance.number()?),))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

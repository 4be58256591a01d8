//! `wasi:clocks`: the time in whole milliseconds, or as the operator says.

use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};

use super::Store;
use super::io::Pollable;
use crate::invocation::State;
use crate::trap::Stop;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl Datetime {
    fn of_ms(ms: u64) -> Self {
        // Less than a second: it fits.
        Self { seconds: ms / 1000, nanoseconds: (ms % 1000) as u32 * 1_000_000 }
    }
}

pub(super) fn define(
    to: &mut LinkerInstance<'_, State>,
    interface: &str,
    function: &str,
) -> wasmtime::Result<bool> {
    match (interface, function) {
        ("wall-clock", "now") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            let (wasi, grants, clock) = store.data_mut().enter_time()?;
            Ok((Datetime::of_ms(wasi.time.wall_ms(grants.clock, clock)),))
        })?,
        ("wall-clock", "resolution") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            let (_, grants, _) = store.data_mut().enter_time()?;
            Ok((Datetime::of_ms(grants.clock.step_ns() / 1_000_000),))
        })?,
        ("monotonic-clock", "now") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            let (wasi, grants, clock) = store.data_mut().enter_time()?;
            Ok((wasi.time.monotonic_ns(grants.clock, clock),))
        })?,
        ("monotonic-clock", "resolution") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            let (_, grants, _) = store.data_mut().enter_time()?;
            Ok((grants.clock.step_ns(),))
        })?,
        ("monotonic-clock", "subscribe-instant") => {
            to.func_wrap(function, |mut store: Store<'_>, (due_ns,): (u64,)| {
                let (wasi, ..) = store.data_mut().enter_time()?;
                Ok((wasi.give(Pollable { due_ns })?,))
            })?;
        }
        ("monotonic-clock", "subscribe-duration") => {
            to.func_wrap(function, |mut store: Store<'_>, (ns,): (u64,)| Ok((subscribe(&mut store, ns)?,)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn subscribe(store: &mut Store<'_>, ns: u64) -> Result<Resource<Pollable>, Stop> {
    let (wasi, grants, clock) = store.data_mut().enter_time()?;
    let due_ns = wasi.time.monotonic_ns(grants.clock, clock).saturating_add(ns);
    wasi.give(Pollable { due_ns })
}

//! `wasi:*` 0.2, of which nothing is granted: what the toolchains of Go, Python and JavaScript ask for at their
//! start is answered so that they run, and the rest traps and says what was denied.
//!
//! Each interface is defined at the exact version that a component imports. What has an answer is checked
//! against the component's types when it is loaded; nothing here waits, for anything.

mod chance;
mod cli;
mod clocks;
mod console;
mod denied;
mod filesystem;
mod io;
mod name;
mod random;
mod time;

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceTable};

pub use denied::Capability;
pub(crate) use denied::{Denied, asked};
pub(crate) use name::Interface;

use crate::engine::Engine;
use crate::grants::Grants;
use crate::invocation::State;
use crate::limits::Limits;
use crate::log::Logs;
use crate::message::Message;
use crate::trap::Stop;
use chance::Chance;
use console::Console;
use time::Time;

/// What a function of `wasi:*` reaches the call through that it is part of.
type Store<'a> = StoreContextMut<'a, State>;

/// How many resources an instance may hold at once, of all kinds together. A Python interpreter holds under
/// twenty.
pub(crate) const HANDLES: usize = 1024;
/// How many functions and resources of `wasi:*` a component may import: all that there are, in four versions.
const IMPORTS: usize = 2048;

/// What `wasi:*` keeps for one instance and the call that is under way.
#[derive(Debug)]
pub(crate) struct Wasi {
    handles: ResourceTable,
    time: Time,
    chance: Chance,
    console: Console,
}

impl Wasi {
    pub(crate) fn new() -> Self {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(HANDLES);
        Self { handles, time: Time::default(), chance: Chance::System, console: Console::default() }
    }

    /// A new invocation begins.
    pub(crate) fn begin(&mut self, grants: &Grants, message: &Message, now_ms: u64) {
        self.time.begin(now_ms);
        self.chance = Chance::new(&grants.random, message);
    }

    /// The invocation is over: lines that it did not end are lines all the same.
    pub(crate) fn end(&mut self, logs: &mut Logs, limits: &Limits) {
        self.console.flush(logs, limits);
    }

    fn give<T: Send + 'static>(&mut self, resource: T) -> Result<Resource<T>, Stop> {
        self.handles.push(resource).map_err(|_| Stop::Handles { limit: HANDLES })
    }
}

/// Too many names to define.
pub(crate) struct TooMany {
    pub(crate) limit: usize,
}

/// Defines everything of `wasi:*` that the component imports, and says which functions of it are denied.
pub(crate) fn link(
    engine: &Engine,
    linker: &mut Linker<State>,
    component: &Component,
) -> wasmtime::Result<Result<Vec<Arc<str>>, TooMany>> {
    let mut denied = Vec::new();
    let kind = component.component_type();
    let mut left = IMPORTS;
    for (name, import) in kind.imports(engine.wasmtime()) {
        let (Some(interface), ComponentItem::ComponentInstance(items)) = (Interface::parse(name), import.ty)
        else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (name, item) in items.exports(engine.wasmtime()) {
            let Some(fewer) = left.checked_sub(1) else { return Ok(Err(TooMany { limit: IMPORTS })) };
            left = fewer;
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    denied.extend(define(&mut instance, interface, name)?);
                }
                ComponentItem::Resource(_) => denied::define_resource(&mut instance, name)?,
                // Types need no definition; anything else has none, so that the component does not link.
                _ => {}
            }
        }
    }
    Ok(Ok(denied))
}

fn define(
    to: &mut LinkerInstance<'_, State>,
    interface: Interface<'_>,
    function: &str,
) -> wasmtime::Result<Option<Arc<str>>> {
    let answered = match interface.package {
        "cli" => cli::define(to, interface.name, function)?,
        "clocks" => clocks::define(to, interface.name, function)?,
        "filesystem" => filesystem::define(to, interface.name, function)?,
        "io" => io::define(to, interface.name, function)?,
        "random" => random::define(to, interface.name, function)?,
        _ => false,
    };
    match answered {
        true => Ok(None),
        false => denied::define(to, interface, function).map(Some),
    }
}

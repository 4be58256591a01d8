//! What is denied, and what a component asks for.

use std::fmt;
use std::sync::Arc;

use oncegate_dedup::text::shown;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, LinkerInstance, Resource, ResourceType};

use super::io::{InputStream, OutputStream, Pollable};
use super::name::Interface;
use crate::engine::Engine;
use crate::invocation::State;

/// How much of a function's name is shown, in bytes.
const SHOWN_NAME_BYTES: usize = 120;

/// A resource of which there never is one: descriptors, sockets, terminals, errors.
#[derive(Debug)]
pub(crate) struct Nothing;

/// The call of a function that has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("capability denied: {0}")]
pub(crate) struct Denied(Arc<str>);

/// A function without its version and kind: `wasi:sockets/tcp#tcp-socket.start-connect`.
fn function_name(interface: Interface<'_>, function: &str) -> String {
    let Interface { package, name } = interface;
    let bare = function.split_once(']').map_or(function, |(_, bare)| bare);
    shown(format!("wasi:{package}/{name}#{bare}").as_bytes(), SHOWN_NAME_BYTES)
}

/// A function that traps and says what it is. Gives its name.
pub(super) fn define(
    to: &mut LinkerInstance<'_, State>,
    interface: Interface<'_>,
    function: &str,
) -> wasmtime::Result<Arc<str>> {
    let name: Arc<str> = function_name(interface, function).into();
    let denied = Denied(Arc::clone(&name));
    to.func_new(function, move |mut store, _, _, _| {
        store.data_mut().enter_wasi(0)?;
        Err(denied.clone().into())
    })?;
    Ok(name)
}

/// Resources are one by name in all of `wasi:*`, wherever they are imported from.
pub(super) fn define_resource(to: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    match name {
        "pollable" => to.resource(name, ResourceType::host::<Pollable>(), |mut store, rep| {
            store.data_mut().wasi.handles.delete(Resource::<Pollable>::new_own(rep))?;
            Ok(())
        }),
        "input-stream" => to.resource(name, ResourceType::host::<InputStream>(), |mut store, rep| {
            store.data_mut().wasi.handles.delete(Resource::<InputStream>::new_own(rep))?;
            Ok(())
        }),
        "output-stream" => to.resource(name, ResourceType::host::<OutputStream>(), |mut store, rep| {
            store.data_mut().wasi.handles.delete(Resource::<OutputStream>::new_own(rep))?;
            Ok(())
        }),
        _ => to.resource(name, ResourceType::host::<Nothing>(), |_, _| Ok(())),
    }
}

/// What a component asks of its host beyond the contract, by what it is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// The time, and to sleep.
    Clock,
    /// Random numbers.
    Random,
    /// Standard output and error: lines of the log.
    Log,
    /// To end early.
    Exit,
    /// Environment variables and arguments: there are none.
    Environment,
    /// Standard input: there is nothing to read.
    Stdin,
    /// A terminal: there is none.
    Terminal,
    /// Files and directories: there are none.
    Files,
    /// Sockets: each call traps.
    Sockets,
    /// HTTP: each call traps.
    Http,
    /// Whatever else is in the packages that link: each call traps.
    Other,
}

impl Capability {
    /// None: machinery that the others need.
    fn of(interface: Interface<'_>) -> Option<Self> {
        Some(match (interface.package, interface.name) {
            ("io", _) => return None,
            ("clocks", "wall-clock" | "monotonic-clock") => Self::Clock,
            ("random", _) => Self::Random,
            ("cli", "stdout" | "stderr") => Self::Log,
            ("cli", "exit") => Self::Exit,
            ("cli", "environment") => Self::Environment,
            ("cli", "stdin") => Self::Stdin,
            ("cli", name) if name.starts_with("terminal-") => Self::Terminal,
            ("filesystem", _) => Self::Files,
            ("sockets", _) => Self::Sockets,
            ("http", _) => Self::Http,
            _ => Self::Other,
        })
    }

    /// Whether anything but "none" or a trap is the answer.
    pub fn is_granted(self) -> bool {
        matches!(self, Self::Clock | Self::Random | Self::Log | Self::Exit)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Log => "stdout and stderr",
            Self::Exit => "exit",
            Self::Environment => "environment",
            Self::Stdin => "stdin",
            Self::Terminal => "terminal",
            Self::Files => "files",
            Self::Sockets => "sockets",
            Self::Http => "http",
            Self::Other => "other",
        })
    }
}

/// What a component asks for beyond the contract, each once.
pub(crate) fn asked(engine: &Engine, component: &Component) -> Vec<Capability> {
    let kind = component.component_type();
    let interfaces = kind.imports(engine.wasmtime()).filter_map(|(name, import)| match import.ty {
        ComponentItem::ComponentInstance(_) => Interface::parse(name).and_then(Capability::of),
        _ => None,
    });
    interfaces.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

//! A handler of whatever version: linked, instantiated, called.

use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

use super::Version;
use super::v0_1_0;
#[cfg(test)]
use super::v0_2_0;
use crate::failure::Failure;
use crate::invocation::State;
use crate::message::Message;

/// A component whose types fit its version, ready to be instantiated.
#[derive(Clone)]
pub(crate) enum Pre {
    V0_1_0(v0_1_0::HandlerPre<State>),
    #[cfg(test)]
    V0_2_0(v0_2_0::HandlerPre<State>),
}

/// What runs in an instance.
pub(crate) enum Guest {
    V0_1_0(v0_1_0::Handler),
    #[cfg(test)]
    V0_2_0(v0_2_0::Handler),
}

impl Version {
    /// Defines what a component of this version may import of the contract.
    pub(crate) fn link(self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        match self {
            Self::V0_1_0 => v0_1_0::link(linker),
            #[cfg(test)]
            Self::V0_2_0 => v0_2_0::link(linker),
        }
    }

    /// Checks what the component exports.
    pub(crate) fn pre(self, pre: InstancePre<State>) -> wasmtime::Result<Pre> {
        match self {
            Self::V0_1_0 => v0_1_0::HandlerPre::new(pre).map(Pre::V0_1_0),
            #[cfg(test)]
            Self::V0_2_0 => v0_2_0::HandlerPre::new(pre).map(Pre::V0_2_0),
        }
    }
}

impl Pre {
    pub(crate) async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Guest> {
        match self {
            Self::V0_1_0(pre) => pre.instantiate_async(store).await.map(Guest::V0_1_0),
            #[cfg(test)]
            Self::V0_2_0(pre) => pre.instantiate_async(store).await.map(Guest::V0_2_0),
        }
    }
}

impl Guest {
    pub(crate) async fn handle(
        &self,
        store: &mut Store<State>,
        message: &Message,
    ) -> wasmtime::Result<Result<(), Failure>> {
        match self {
            Self::V0_1_0(guest) => v0_1_0::handle(guest, store, message).await,
            #[cfg(test)]
            Self::V0_2_0(guest) => v0_2_0::handle(guest, store, message).await,
        }
    }
}

//! What outlives a host: the store, and the time that goes by.

use std::future::Future;
use std::sync::Arc;

use oncegate_dedup::store::Store;
use oncegate_dedup::{Clock, SystemClock};

use super::clock::LeapClock;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::stores::{Opened, StoreOptions, StoreUrl};
use crate::warning::warning;

/// The time that goes by.
pub enum Time {
    /// Nobody waits.
    Leaping(LeapClock),
    /// The real one, for stores that go by it.
    Real(tokio::runtime::Runtime),
}

impl Time {
    /// The time of such a store; chance is that of the seed, where time is ours.
    pub fn of(url: &StoreUrl, seed: u64) -> Result<Self, Failure> {
        if *url == StoreUrl::Memory {
            return Ok(Self::Leaping(LeapClock::new(seed)));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.or_exit(Exit::Failed).map(Self::Real)
    }

    /// The clock that shows it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        match self {
            Self::Leaping(clock) => Arc::new(clock.clone()),
            Self::Real(_) => Arc::new(SystemClock),
        }
    }

    /// Runs a future to its end.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Leaping(clock) => clock.block_on(future),
            Self::Real(runtime) => runtime.block_on(future),
        }
    }
}

/// The store, as the next host finds it.
#[derive(Debug)]
pub struct Ground {
    options: StoreOptions,
    clock: Arc<dyn Clock>,
    opened: Option<Opened>,
}

impl Ground {
    /// Opens the store; `init` begins one on a Redis that has none.
    pub fn open(options: &StoreOptions, clock: Arc<dyn Clock>, init: bool) -> Result<Self, Failure> {
        let opened = options.open(Arc::clone(&clock), init)?;
        for warning in &opened.warnings {
            warning!("{warning}");
        }
        Ok(Self { options: options.clone(), clock, opened: Some(opened) })
    }

    /// The store for another host.
    pub fn store(&mut self) -> Result<Arc<dyn Store>, Failure> {
        if self.opened.is_none() {
            self.opened = Some(self.options.open(Arc::clone(&self.clock), false)?);
        }
        let opened = self.opened.as_ref();
        opened
            .map(|opened| Arc::clone(&opened.store))
            .ok_or_else(|| fail!(Exit::Store, "the store is not open"))
    }

    /// A host has died, and is dropped. An embedded store dies with it, and is opened again by the next one.
    pub fn host_died(&mut self) {
        self.opened.take_if(|opened| opened.file.is_some());
    }

    /// Whether a dead host's claims last as long as their leases. Those in an embedded store are void at once.
    pub fn claims_outlive_hosts(&self) -> bool {
        !matches!(self.options.url, StoreUrl::File(_))
    }
}

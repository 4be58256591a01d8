//! A Redis as the crates above see it.

use std::sync::{Arc, PoisonError};

use crate::greeting::Unfit;
use crate::link::{Dialler, Warnings};
use crate::order::{Answer, Part};
use crate::worker::Worker;
use crate::{Guard, RedisOptions, Script};

/// A Redis that scripts are called on.
///
/// Usable from any thread and any runtime: it has a thread of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    worker: Worker,
    options: RedisOptions,
    warnings: Warnings,
}

impl Server {
    /// Connects, and refuses a server that cannot be worked with. Blocks for as long as that takes, at most the
    /// time-outs for connecting and for a few replies. `scripts` are those that will be called; others may be, at the
    /// cost of a round trip.
    pub fn connect(
        options: &RedisOptions,
        scripts: &[Script],
        guard: Option<Arc<dyn Guard>>,
    ) -> Result<Arc<Self>, Unfit> {
        let warnings = Warnings::default();
        let dialler = Dialler::new(options, scripts, guard, Arc::clone(&warnings))?;
        let worker = Worker::start(dialler, options.password.clone(), options.patience)?;
        Ok(Arc::new(Self { worker, options: options.clone(), warnings }))
    }

    /// Asks a script, from any thread. The answer may be an error in words; whether the script had its effect is
    /// unknown then.
    pub fn ask(&self, part: Part) -> impl Future<Output = Answer> + Send + use<> {
        self.worker.ask(part)
    }

    /// Where it was told to connect to.
    pub fn options(&self) -> &RedisOptions {
        &self.options
    }

    /// What an operator should know of the server, one line each: an eviction policy that loses records, and
    /// what could not be checked. May grow when another server answers under the address.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let address = self.options.address();
        warnings.iter().map(|warning| format!("redis at {address}: {warning}")).collect()
    }
}

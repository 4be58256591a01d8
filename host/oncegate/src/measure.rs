//! What a call of a handler costs, under the usual limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oncegate_dedup::store::MemoryStore;
use oncegate_dedup::{Deferral, Gate, HandlerEnd, Namespace, Origin, Policy, SystemClock, Verdict};
use oncegate_sandbox::{
    CompileLimits, Compiler, Component, Engine, Handler, Invocation, Limits, Message, Reuse, Settings, Topics,
};

use crate::compiling::Compiling;
use crate::exit::{Exit, Failure, OrExit as _};

/// Calls of each kind are made for about so long, and at least so many of them after a few that do not count.
const EACH: Duration = Duration::from_secs(1);
const LEAST_CALLS: usize = 20;
const MOST_CALLS: usize = 50_000;
const WARM_UP: usize = 5;

/// What was measured. Times are medians, but of what is done once.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Compiling in a child process, its start included.
    pub compile: Duration,
    /// Loading it again from the cache of compiled plugins; none where there is no cache.
    pub cached: Option<Duration>,
    /// A call with an instance of its own.
    pub fresh: Duration,
    /// A call with an instance that had others before.
    pub reused: Duration,
    /// Linear memory after one call, and after the last of those that shared an instance, in bytes.
    pub memory_bytes: (usize, usize),
    /// How many calls shared instances.
    pub calls: usize,
    /// How many host calls one call made.
    pub host_calls: u32,
    /// How the handler ended.
    pub end: String,
}

impl Measured {
    /// What of a fresh call is its instance's making and going.
    pub fn instance(&self) -> Duration {
        self.fresh.saturating_sub(self.reused)
    }
}

/// Compiles a component and calls it, each time with the same message, whose keys are new each time.
pub fn measure(component: &[u8], message: &Message, compiling: &Compiling) -> Result<Measured, Failure> {
    let limits = Limits::default();
    // With the program that this process may still start, and without a cache.
    let uncached = Compiler::in_child(compiling.program.clone(), CompileLimits::default());
    let load = |compiler: &Compiler| -> Result<(Component, Duration), Failure> {
        let engine = Engine::with_compiler(1, compiler.clone()).or_exit(Exit::Failed)?;
        let begun = Instant::now();
        let component = Component::load(&engine, component, &limits).or_exit(Exit::Plugin)?;
        Ok((component, begun.elapsed()))
    };
    let (component, compile) = load(&uncached)?;
    let cached = match compiling.cache {
        // The first time it may have to be compiled once more.
        Some(_) => {
            load(&compiling.compiler).and_then(|_| load(&compiling.compiler)).map(|(_, took)| Some(took))?
        }
        None => None,
    };
    let calls = Calls::new(component)?;
    let (fresh, first) = calls.make(message, Reuse::Fresh)?;
    let (reused, last) = calls.make(message, Reuse::DEFAULT)?;
    Ok(Measured {
        compile,
        cached,
        fresh: median(&fresh),
        reused: median(&reused),
        memory_bytes: (first.usage.memory_bytes, last.usage.memory_bytes),
        calls: reused.len(),
        host_calls: last.usage.host_calls,
        end: match &last.end {
            HandlerEnd::Ok => "ok".to_owned(),
            HandlerEnd::Failed(why) | HandlerEnd::OutOfTime(why) => format!("retry: {why}"),
            HandlerEnd::Rejected(why) => format!("reject: {why}"),
            HandlerEnd::Aborted => "aborted".to_owned(),
        },
    })
}

/// A handler, and a gate over a store in memory.
struct Calls {
    component: Component,
    gate: Arc<Gate>,
    runtime: tokio::runtime::Runtime,
}

impl Calls {
    fn new(component: Component) -> Result<Self, Failure> {
        let clock = Arc::new(SystemClock);
        let policy = Policy::new(Namespace::new("measure").or_exit(Exit::Failed)?);
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let gate = Gate::new(policy, Default::default(), store, clock).or_exit(Exit::Failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        Ok(Self { component, gate, runtime: runtime.or_exit(Exit::Failed)? })
    }

    /// How long each call took, and the last one.
    fn make(&self, message: &Message, reuse: Reuse) -> Result<(Vec<Duration>, Invocation), Failure> {
        let settings = Settings { reuse, topics: Topics::Any, ..Settings::default() };
        let worker = Handler::new(self.component.clone(), settings).or_exit(Exit::Failed)?.worker();
        let origin = Origin::of("measure", &message.id);
        let mut took = Vec::new();
        let begun = Instant::now();
        self.runtime.block_on(async {
            loop {
                let attempt = self.gate.attempt(origin, None);
                let start = Instant::now();
                let mut invocation = worker.invoke(message, attempt).await;
                took.push(start.elapsed());
                let enough = begun.elapsed() >= EACH && took.len() >= LEAST_CALLS + WARM_UP;
                // Nothing is kept, so that its keys are new to the next call.
                let next = self.gate.attempt(origin, None);
                let ended = std::mem::replace(&mut invocation.attempt, next);
                self.gate.settle(ended.end(&Verdict::Defer(Deferral::Withheld))).await;
                if enough || took.len() >= MOST_CALLS {
                    took.drain(..WARM_UP.min(took.len()));
                    return Ok((took, invocation));
                }
            }
        })
    }
}

fn median(took: &[Duration]) -> Duration {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

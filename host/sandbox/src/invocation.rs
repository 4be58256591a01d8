//! One call of a handler: what it claimed and staged, and how it ended.

use std::sync::Arc;

use oncegate_dedup::text::shown;
use oncegate_dedup::{Attempt, Clock, HandlerEnd};

use crate::failure::Failure;
use crate::grants::Grants;
use crate::handler::Settings;
use crate::limits::Limits;
use crate::log::Logs;
use crate::memory::Room;
use crate::message::Message;
use crate::output::{Outputs, StagedOutput};
use crate::trap::Stop;
use crate::wasi::Wasi;
use crate::watch::Watch;

/// An invocation that has ended.
#[derive(Debug)]
pub struct Invocation {
    /// The attempt, given back: it knows what was claimed and which commits are staged. Whatever the end says,
    /// ask [`Attempt::verdict`] what becomes of the delivery.
    pub attempt: Attempt,
    /// How the handler ended. Its texts are escaped and of bounded length.
    pub end: HandlerEnd,
    /// Whether it did not return: it trapped, met a limit, or was stopped.
    pub faulted: bool,
    /// What it staged, in order. Empty unless it returned `ok`.
    pub outputs: Vec<StagedOutput>,
    /// The first topic that it named and may not emit to, escaped: a slip of the configuration more often than of the
    /// handler.
    pub refused_topic: Option<String>,
    /// What it wrote for the operator.
    pub logs: Logs,
    /// What it used.
    pub usage: Usage,
    /// If it ran twice: what the first run, in an instance that had served other messages, ended with. In one line,
    /// escaped and of bounded length. All else is the second run's.
    pub recycled: Option<String>,
}

/// What one invocation used, in both of its runs if it ran twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in nanoseconds, its instance's making included. Too large or too small by at most 0.1 ms for each
    /// time that it waited or gave way.
    pub cpu_ns: u64,
    /// Host calls.
    pub host_calls: u32,
    /// Linear memory of its instance at the end, in bytes.
    pub memory_bytes: usize,
}

impl Usage {
    /// What this run used and one before it.
    pub(crate) fn and_before(self, before: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_add(before.cpu_ns),
            host_calls: self.host_calls.saturating_add(before.host_calls),
            memory_bytes: self.memory_bytes,
        }
    }
}

/// What a store holds: of its instance, and of the call that is under way.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Arc<Settings>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) room: Room,
    pub(crate) wasi: Wasi,
    /// There is one while a guest runs.
    pub(crate) call: Option<Call>,
}

/// The call that is under way. Kept where imports reach it; taken out again even if the guest did not survive.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) attempt: Attempt,
    pub(crate) outputs: Outputs,
    pub(crate) logs: Logs,
    host_calls: u32,
    host_call_bytes: usize,
}

impl State {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let room = Room::new(&settings.limits);
        Self { settings, watch: Arc::default(), room, wasi: Wasi::new(), call: None }
    }

    /// A run begins, of an invocation that began at this time, or begins now. Gives that time.
    pub(crate) fn begin(&mut self, message: &Message, attempt: Attempt, began_ms: Option<u64>) -> u64 {
        let now_ms = attempt.gate().clock().now_ms();
        let began_ms = began_ms.unwrap_or(now_ms);
        self.watch.start(&self.settings.limits, began_ms);
        self.wasi.begin(&self.settings.grants, message, now_ms);
        if let Some(until_ms) = attempt.acts_until_ms() {
            self.watch.acts_until(until_ms);
        }
        self.room.forget_refusals();
        self.call = Some(Call {
            attempt,
            outputs: Outputs::default(),
            logs: Logs::default(),
            host_calls: 0,
            host_call_bytes: 0,
        });
        began_ms
    }

    /// A guest calls the host, with so many bytes. Every import begins with this.
    pub(crate) fn enter(&mut self, bytes: usize) -> Result<(&mut Call, &Settings), Stop> {
        let Self { settings, call, .. } = self;
        let call = call.as_mut().ok_or(Stop::Outside)?;
        let limits = &settings.limits;
        if call.host_calls >= limits.host_calls {
            return Err(Stop::HostCalls { limit: limits.host_calls });
        }
        call.host_calls += 1;
        call.host_call_bytes = call.host_call_bytes.saturating_add(bytes);
        if call.host_call_bytes > limits.host_call_bytes {
            return Err(Stop::HostCallBytes { limit: limits.host_call_bytes });
        }
        Ok((call, settings))
    }

    /// The same for what `wasi:*` answers.
    pub(crate) fn enter_wasi(&mut self, bytes: usize) -> Result<&mut Wasi, Stop> {
        self.enter(bytes)?;
        Ok(&mut self.wasi)
    }

    /// The same for what concerns time.
    pub(crate) fn enter_time(&mut self) -> Result<(&mut Wasi, &Grants, &dyn Clock), Stop> {
        self.enter(0)?;
        self.time()
    }

    /// What time is made of, for a call that has entered.
    pub(crate) fn time(&mut self) -> Result<(&mut Wasi, &Grants, &dyn Clock), Stop> {
        let call = self.call.as_ref().ok_or(Stop::Outside)?;
        Ok((&mut self.wasi, &self.settings.grants, &**call.attempt.gate().clock()))
    }
}

/// What a guest's run came to.
pub(crate) type Outcome = Result<wasmtime::Result<Result<(), Failure>>, Stop>;

impl Call {
    /// How the handler ended.
    fn end(&self, outcome: &Outcome, room: &Room, limits: &Limits) -> HandlerEnd {
        match outcome {
            Ok(Ok(Ok(()))) => HandlerEnd::Ok,
            Ok(Ok(Err(Failure::Retry(text)))) => {
                HandlerEnd::Failed(crate::trap::returned(self.reason(text, limits), room.refused()))
            }
            Ok(Ok(Err(Failure::Reject(text)))) => HandlerEnd::Rejected(self.reason(text, limits)),
            Ok(Err(error)) => crate::trap::end(error, room.refused(), limits, &self.logs),
            Err(stop) => crate::trap::stopped(*stop, &self.logs),
        }
    }

    /// What the handler said, as it said it; if it said nothing, its last lines may.
    fn reason(&self, text: &str, limits: &Limits) -> String {
        match text {
            "" => crate::trap::with_last_lines("the handler gave no reason".to_owned(), &self.logs),
            text => shown(text.as_bytes(), limits.text_bytes),
        }
    }

    /// Everything that outlives the guest.
    pub(crate) fn finish(
        self,
        outcome: &Outcome,
        room: &Room,
        settings: &Settings,
        watch: &Watch,
    ) -> Invocation {
        let end = self.end(outcome, room, &settings.limits);
        let faulted = !matches!(outcome, Ok(Ok(_)));
        let Self { attempt, mut outputs, logs, host_calls, .. } = self;
        let refused_topic = outputs.refused_topic.take();
        let usage = Usage { cpu_ns: watch.cpu.spent_ns(), host_calls, memory_bytes: room.memory_bytes() };
        let outputs = if end == HandlerEnd::Ok { outputs.staged() } else { Vec::new() };
        Invocation { attempt, end, faulted, outputs, refused_topic, logs, usage, recycled: None }
    }
}

/// Whether a run that did not go well met a limit of its instance rather than one of its own: memory, tables, handles.
/// What is over, because there is no time left or because the host ended it, is over.
pub(crate) fn met_its_instance_s_limit(outcome: &Outcome, end: &HandlerEnd, room: &Room) -> bool {
    match end {
        HandlerEnd::Ok | HandlerEnd::OutOfTime(_) | HandlerEnd::Aborted => false,
        HandlerEnd::Failed(_) | HandlerEnd::Rejected(_) => {
            let has_no_handle =
                matches!(outcome, Ok(Err(error)) if crate::trap::is_for_want_of_handles(error));
            room.refused().is_some() || has_no_handle
        }
    }
}

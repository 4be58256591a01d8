//! Why an invocation ended that did not return, in one line.

use std::fmt::{Display, Write as _};

use oncegate_dedup::HandlerEnd;
use oncegate_dedup::text::shown;
use wasmtime::{PoolConcurrencyLimitError, Trap};

use crate::limits::Limits;
use crate::log::Logs;
use crate::memory::Refused;
use crate::unit::{Size, Span};
use crate::wasi::{Denied, HANDLES};

/// How much of an error of the runtime is shown, in bytes. It may quote the guest.
pub(crate) const SHOWN_ERROR_BYTES: usize = 200;
/// How many of the handler's last log lines are shown with a cause.
pub(crate) const SHOWN_LINES: usize = 3;

/// How the runtime says that a store holds as many handles as it may. The error's type is not public.
const NO_MORE_HANDLES: &str = "store handle limit exceeded";

/// The host ends the invocation. An error that no guest can catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// The attempt is over.
    #[error("the host ended the attempt")]
    Aborted,
    /// It computed for too long.
    #[error("used {} of CPU time", Span(*limit_ms))]
    Cpu { limit_ms: u64 },
    /// It took too long.
    #[error("still running after {}", Span(*limit_ms))]
    Wall { limit_ms: u64 },
    /// Its claims are about to lapse.
    #[error("still running when its lease was about to end")]
    Lease,
    /// It called the host too often.
    #[error("host call limit {limit} reached")]
    HostCalls { limit: u32 },
    /// It gave the host too much.
    #[error("host call data limit {} reached", Size(*limit))]
    HostCallBytes { limit: usize },
    /// It holds too many resources.
    #[error("handle limit {limit} reached")]
    Handles { limit: usize },
    /// It ended itself.
    #[error("exited with code {code}")]
    Exited { code: u8 },
    /// It called the host when nobody had called it.
    #[error("called the host outside of an invocation")]
    Outside,
}

/// Names what ended an invocation.
pub(crate) fn end(
    error: &wasmtime::Error,
    refused: Option<Refused>,
    limits: &Limits,
    logs: &Logs,
) -> HandlerEnd {
    match error.downcast_ref::<Stop>() {
        Some(stop @ Stop::Exited { .. }) => exited(returned(stop.to_string(), refused), logs),
        Some(stop) => stopped(*stop, logs),
        None => HandlerEnd::Failed(with_last_lines(cause(error, refused, limits), logs)),
    }
}

/// What a handler says that returned or exited, with what it may owe its failure to: languages catch what memory they do
/// not get.
pub(crate) fn returned(text: String, refused: Option<Refused>) -> String {
    match refused {
        Some(refused) => format!("{text} ({refused})"),
        None => text,
    }
}

/// Names why the host ended an invocation.
pub(crate) fn stopped(stop: Stop, logs: &Logs) -> HandlerEnd {
    match stop {
        Stop::Aborted => HandlerEnd::Aborted,
        Stop::Wall { .. } | Stop::Lease => HandlerEnd::OutOfTime(with_last_lines(stop.to_string(), logs)),
        stop => HandlerEnd::Failed(with_last_lines(stop.to_string(), logs)),
    }
}

/// Runtimes say on standard error why they end. Whoever calls `exit` by himself may have said it in the log.
fn exited(cause: String, logs: &Logs) -> HandlerEnd {
    if logs.last_stderr().next().is_none() {
        return HandlerEnd::Failed(with_last_lines(cause, logs));
    }
    let first = logs.first_stderr().map(|line| format!("; first stderr line: {line}"));
    let cause = format!("{cause}{}", first.unwrap_or_default());
    HandlerEnd::Failed(joined(cause, "; last stderr lines: ", logs.last_stderr()))
}

/// Whether an instance had no room for another handle.
pub(crate) fn is_for_want_of_handles(error: &wasmtime::Error) -> bool {
    let is_ours = matches!(error.downcast_ref::<Stop>(), Some(Stop::Handles { .. }));
    is_ours || error.root_cause().to_string().ends_with(NO_MORE_HANDLES)
}

fn cause(error: &wasmtime::Error, refused: Option<Refused>, limits: &Limits) -> String {
    if let Some(denied) = error.downcast_ref::<Denied>() {
        return denied.to_string();
    }
    // Its type is not public, either.
    let root = error.root_cause().to_string();
    if root.starts_with("too much data is being copied") {
        return Stop::HostCallBytes { limit: limits.host_call_bytes }.to_string();
    }
    if root.ends_with(NO_MORE_HANDLES) {
        return Stop::Handles { limit: HANDLES }.to_string();
    }
    match (error.downcast_ref::<Trap>(), refused) {
        (Some(Trap::StackOverflow), _) => "stack overflow".to_owned(),
        (_, Some(refused)) => refused.to_string(),
        (Some(trap), None) => format!("trapped: {}", name(*trap)),
        (None, None) if error.is::<PoolConcurrencyLimitError>() => {
            "no room for its instance in the host's pool".to_owned()
        }
        (None, None) => format!("trapped: {}", one_line(error)),
    }
}

/// What a trap is called. The runtime's own words, without what they all begin with.
fn name(trap: Trap) -> String {
    match trap {
        Trap::UnreachableCodeReached => "unreachable".to_owned(),
        trap => {
            let text = trap.to_string();
            text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
        }
    }
}

/// An error of the runtime, as one line of bounded length. Its causes often say more than it does, so the last
/// of them comes behind it.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    let (first, root) = (error.to_string(), error.root_cause().to_string());
    let text = if first == root { first } else { format!("{first}: {root}") };
    shown(text.as_bytes(), SHOWN_ERROR_BYTES)
}

/// The handler's last words often say what a trap does not.
pub(crate) fn with_last_lines(cause: String, logs: &Logs) -> String {
    let lines = logs.last_lines().map(|line| format!("{}: {}", line.level.as_str(), line.text));
    joined(cause, "; last log lines: ", lines)
}

fn joined(mut cause: String, before: &str, lines: impl Iterator<Item = impl Display>) -> String {
    for (index, line) in lines.enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(cause, "{}{line}", if index == 0 { before } else { " | " });
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Level;

    fn exited(logs: &Logs, refused: Option<Refused>) -> String {
        let error = Stop::Exited { code: 2 }.into();
        match end(&error, refused, &Limits::default(), logs) {
            HandlerEnd::Failed(text) => text,
            end => panic!("{end:?}"),
        }
    }

    #[test]
    fn who_exits_is_quoted_from_where_it_said_why() {
        let (mut logs, limits) = (Logs::default(), Limits::default());
        assert_eq!(exited(&logs, None), "exited with code 2");
        // By a call of its own, after a word to the operator.
        logs.add(Level::Error, b"no account", &limits);
        assert_eq!(exited(&logs, None), "exited with code 2; last log lines: error: no account");
        for line in ["panic: no account", "goroutine 1 [running]:", "main.handle()"] {
            logs.note_stderr(line.as_bytes());
        }
        let all = "exited with code 2; last stderr lines: panic: no account | goroutine 1 [running]: | main.handle()";
        assert_eq!(exited(&logs, None), all);
        // Why comes first, and is followed by where.
        for line in ["main.go:7", "main.main()", "main.go:2"] {
            logs.note_stderr(line.as_bytes());
        }
        let ends = "exited with code 2; first stderr line: panic: no account; last stderr lines: main.go:7 | \
                    main.main() | main.go:2";
        assert_eq!(exited(&logs, None), ends);
        let refused = exited(&logs, Some(Refused::Memory(1 << 20)));
        assert!(refused.starts_with("exited with code 2 (memory limit 1 MiB reached); first"), "{refused}");
    }

    #[test]
    fn what_was_refused_stands_behind_what_a_handler_says() {
        let said = |refused| returned("MemoryError".to_owned(), refused);
        assert_eq!(said(None), "MemoryError");
        assert_eq!(said(Some(Refused::Memory(64 << 20))), "MemoryError (memory limit 64 MiB reached)");
        assert_eq!(said(Some(Refused::Tables(7))), "MemoryError (table limit 7 elements reached)");
    }
}

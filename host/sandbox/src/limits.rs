//! What one invocation may use.

/// The limits of a handler. Each says what counts, its default, and what happens at it: some end the
/// invocation (it counts as failed, nothing it staged is applied), others refuse the one call and let the
/// handler decide.
///
/// All of them bound what a hostile handler costs; none bounds what an honest one of usual size does. What a
/// handler may do with *keys* (their number and length, the receipt's length) is the gate's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The component's size in bytes. Default 64 MiB. A larger one is not loaded.
    pub component_bytes: usize,
    /// Linear memory, all memories of the instance together, in bytes. Default 64 MiB. Growth beyond it is
    /// refused, and a handler that then traps ended by this limit. Memory outside of the guest (its fiber
    /// stack of at most 2 MiB, what it staged) does not count.
    pub memory_bytes: usize,
    /// Elements of all tables of the instance together. Default 20,000, which is also the most that the
    /// instance pool has room for. Growth beyond it is refused.
    pub table_elements: usize,
    /// CPU time in milliseconds in which the guest, or the host on its behalf, ran. Default 10 s. Waiting in a
    /// host call and time in which the thread did not run are not charged. Looked at every 10 ms; ends the
    /// invocation.
    pub cpu_ms: u64,
    /// Time in milliseconds from the invocation's start, whatever it is spent on, on the gate's clock, which
    /// goes on while the machine is suspended. Default 30 s. Ends the invocation, at the latest 10 ms after.
    /// It has to be lower than the lease less its margin, which the gate's policy checks as the handler limit.
    pub wall_ms: u64,
    /// Host calls of any kind. Default 10,000. The next one ends the invocation.
    pub host_calls: u32,
    /// Bytes that the guest hands to the host: in all calls of the invocation together, and once more in its
    /// answer. Default 4 MiB. The call that goes beyond it ends the invocation. No single call makes the host
    /// copy more than this.
    pub host_call_bytes: usize,
    /// Outputs. Default 1,000. One more is refused with `too-many`.
    pub outputs: u32,
    /// Bytes of all outputs together: topics, keys, headers and payloads. Default 1 MiB. An output that goes
    /// beyond it is refused with `too-large`.
    pub output_bytes: usize,
    /// Headers of one output. Default 64. An output with more is refused with `invalid`.
    pub output_headers: usize,
    /// The length of an output's topic, of its key, and of each header's name, in bytes. Default 1 KiB. A
    /// longer one is refused with `invalid`.
    pub output_name_bytes: usize,
    /// Log lines that are kept. Default 100. Further ones are dropped and counted, without an error; zero
    /// drops all.
    pub log_lines: usize,
    /// Bytes of all log lines that are kept. Default 16 KiB. Further ones are dropped and counted.
    pub log_bytes: usize,
    /// The length of one log line and of the text of a `retry` or `reject`, in bytes. Default 1 KiB. A longer
    /// text is cut.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: 64 << 20,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            cpu_ms: 10_000,
            wall_ms: 30_000,
            host_calls: 10_000,
            host_call_bytes: 4 << 20,
            outputs: 1_000,
            output_bytes: 1 << 20,
            output_headers: 64,
            output_name_bytes: 1024,
            log_lines: 100,
            log_bytes: 16 << 10,
            text_bytes: 1024,
        }
    }
}

/// A limit with which no handler could run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the limit {0} is zero, which would make every invocation fail: set at least 1")]
pub struct ZeroLimit(&'static str);

impl Limits {
    /// Accepts the limits, or names the first that would let nothing run.
    pub fn validate(&self) -> Result<(), ZeroLimit> {
        let needed = [
            ("component_bytes", self.component_bytes as u64),
            ("memory_bytes", self.memory_bytes as u64),
            ("cpu_ms", self.cpu_ms),
            ("wall_ms", self.wall_ms),
            ("host_calls", u64::from(self.host_calls)),
            ("host_call_bytes", self.host_call_bytes as u64),
            ("text_bytes", self.text_bytes as u64),
        ];
        match needed.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(ZeroLimit(name)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_lets_nothing_run_is_refused_by_name() {
        assert_eq!(Limits::default().validate(), Ok(()));
        let none = Limits { cpu_ms: 0, ..Limits::default() };
        assert_eq!(none.validate(), Err(ZeroLimit("cpu_ms")));
        let silent = Limits { log_lines: 0, log_bytes: 0, outputs: 0, ..Limits::default() };
        assert_eq!(silent.validate(), Ok(()));
    }
}

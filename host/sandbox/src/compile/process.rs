//! One compile child, watched from the outside. Whatever it does, it costs this process bounded memory and time.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use oncegate_dedup::text::shown;
use rustix::process::{Pid, Signal, kill_process_group};

use super::error::CompileError;
use super::limits::CompileLimits;
use super::program::Program;
use super::wire::{Answer, Question};

/// How much of what a child says on standard error is kept, and how much of that is shown, in bytes.
const KEPT_ERROR_BYTES: u64 = 4 << 10;
const SHOWN_ERROR_BYTES: usize = 200;
/// How often a child is looked at that has closed its pipe and has not ended.
const LOOK: Duration = Duration::from_millis(1);

/// Asks a child of this program, and has it gone in any case.
pub(crate) fn ask(
    program: &Program,
    question: Question,
    bytes: &[u8],
    limits: &CompileLimits,
) -> Result<Answer, CompileError> {
    let unavailable = |error: io::Error| CompileError::Unavailable(error.to_string());
    let mut command = program.command(limits);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(unavailable)?;
    let until = Instant::now() + Duration::from_millis(limits.wall_ms);
    let mut child = Running { child };
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.child.stdin.take(), child.child.stdout.take(), child.child.stderr.take())
    else {
        return Err(CompileError::Unavailable("it has no pipes".to_owned()));
    };
    thread::scope(|scope| {
        let (said, heard) = mpsc::channel();
        let most = limits.code_bytes();
        // A thread for each pipe: a child that neither reads nor writes holds up none of the others. They end
        // with the child, because then its ends of the pipes are closed.
        scope.spawn(move || tell(stdin, question, bytes));
        let complaint = scope.spawn(move || complaint(stderr));
        scope.spawn(move || said.send(listen(stdout, most)));
        let answer = heard.recv_timeout(until.saturating_duration_since(Instant::now()));
        if let Ok(Ok(answer)) = answer {
            child.end();
            return answer.ok_or(CompileError::Code { limit: most });
        }
        let status = child.ended(until);
        child.end();
        let complaint = complaint.join().unwrap_or_default();
        Err(cause(status, &complaint, limits))
    })
}

/// A child that does not outlive this.
struct Running {
    child: Child,
}

impl Running {
    /// How it ended, if it does so by then.
    fn ended(&mut self, until: Instant) -> Option<ExitStatus> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(LOOK),
                _ => return None,
            }
        }
    }

    /// Ends it and whatever it may have started.
    fn end(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may be gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A child that does not listen has reasons that it tells by other means.
fn tell(mut stdin: ChildStdin, question: Question, bytes: &[u8]) {
    let _ = question.write(&mut stdin).and_then(|()| stdin.write_all(bytes));
}

fn listen(mut stdout: ChildStdout, most: u64) -> io::Result<Option<Answer>> {
    Answer::read(&mut stdout, most)
}

/// The beginning of what it said on standard error; the rest is read, so that it is not held up by it, and
/// forgotten.
fn complaint(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let _ = stderr.by_ref().take(KEPT_ERROR_BYTES).read_to_end(&mut kept);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

/// Why there is no answer, from how the child ended and what it said.
fn cause(status: Option<ExitStatus>, complaint: &str, limits: &CompileLimits) -> CompileError {
    let Some(status) = status else { return CompileError::Time { limit_ms: limits.wall_ms } };
    if status.signal() == Some(Signal::XCPU.as_raw()) {
        return CompileError::Cpu { limit_s: limits.cpu_s };
    }
    // The words of the standard library's abort, and of the system.
    if complaint.contains("memory allocation of") || complaint.contains("Cannot allocate memory") {
        return CompileError::Memory { limit: limits.memory_bytes };
    }
    let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let said = shown(last.as_bytes(), SHOWN_ERROR_BYTES);
    CompileError::Died(match said.is_empty() {
        true => status.to_string(),
        false => format!("{status}: {said}"),
    })
}

//! What a compile child does: it takes its rights away from itself, reads a component and writes machine code.

use std::io::{self, Read as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::wire::{Answer, Question};
use crate::trap::one_line;

/// On how many processors one compilation runs at most.
const MOST_PROCESSORS: usize = 4;

/// Serves one compilation over standard input and output. For the `main` of a program that is started as
/// [`Program::own`](crate::Program::own) says: before it starts a thread, opens a file or does anything else.
pub fn serve_compilation() -> ExitCode {
    let answer = match question() {
        Ok((question, bytes)) => compile(question, &bytes),
        Err(error) => Answer::Unfit(error.to_string()),
    };
    match answer.write(&mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads the question, and the component once there is nothing left that could be done with it.
fn question() -> io::Result<(Question, Vec<u8>)> {
    // A child whose host was killed is of no use to anybody.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut stdin = io::stdin().lock();
    processors()?;
    close_others()?;
    // The three pipes, and one for the rules of what follows.
    setrlimit(Resource::Nofile, Rlimit { current: Some(4), maximum: Some(4) })?;
    // Where the kernel has less, less is dropped; the limits and the empty environment do not depend on it.
    oncegate_rights::drop_all().map_err(io::Error::other)?;
    let question = Question::read(&mut stdin)?;
    let mut bytes = Vec::new();
    stdin.take(question.length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == question.length {
        true => Ok((question, bytes)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Leaves this process a few processors: it shares the machine with handlers, and each thread takes memory.
fn processors() -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut few = CpuSet::new();
    (0..CpuSet::MAX_CPU)
        .filter(|cpu| allowed.is_set(*cpu))
        .take(MOST_PROCESSORS)
        .for_each(|cpu| few.set(cpu));
    Ok(sched_setaffinity(None, &few)?)
}

/// Closes everything but the three pipes: the program that began the host may have left more open.
#[expect(unsafe_code, reason = "what is closed here has no owner in this program")]
fn close_others() -> io::Result<()> {
    // SAFETY: the process has just begun; nothing in it has opened a descriptor yet that it still uses.
    match unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // Before Linux 5.9. What the host opens is closed by the kernel when the child begins.
            error if error.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
            error => Err(error),
        },
    }
}

fn compile(question: Question, bytes: &[u8]) -> Answer {
    match question.target.compile(bytes) {
        Ok(code) => Answer::Code(code),
        Err(error) if is_out_of_memory(&error) => Answer::OutOfMemory,
        Err(error) => Answer::Invalid(one_line(&error)),
    }
}

fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    let no_memory = rustix::io::Errno::NOMEM;
    error.is::<wasmtime::error::OutOfMemory>()
        || error.chain().any(|cause| {
            cause.downcast_ref::<rustix::io::Errno>() == Some(&no_memory)
                || cause
                    .downcast_ref::<io::Error>()
                    .is_some_and(|error| error.raw_os_error() == Some(no_memory.raw_os_error()))
        })
}

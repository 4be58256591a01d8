//! What a compile child does: it takes its rights away from itself, reads a component and writes machine code.

use std::io::{self, Read as _};
use std::process::ExitCode;

use rustix::process::Signal;

use super::wire::{Answer, Question};
use crate::trap::one_line;

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
    let question = Question::read(&mut stdin)?;
    let mut bytes = Vec::new();
    stdin.take(question.length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == question.length {
        true => Ok((question, bytes)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
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

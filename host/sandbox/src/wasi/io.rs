//! `wasi:io`: streams that lead into the log or hold nothing, and waiting that does not wait.

use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};

use super::Store;
use super::denied::Nothing;
use crate::invocation::State;

type Answer<T> = Result<T, StreamError>;

/// How much an output stream says that it takes at once. It takes anything within the host call budget.
const WRITE_BYTES: u64 = 64 << 10;
/// What a list's element costs the host while a call is under way, charged as bytes.
const ELEMENT_BYTES: usize = 16;

/// Something to wait for: a moment of the monotonic clock. Everything else is ready, at 0.
#[derive(Debug)]
pub(crate) struct Pollable {
    pub(crate) due_ns: u64,
}

/// Standard input, at its end.
#[derive(Debug)]
pub(crate) struct InputStream;

/// Lines of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputStream {
    Stdout,
    Stderr,
}

#[derive(Debug, ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[expect(dead_code, reason = "the type has it, and nothing here fails")]
    LastOperationFailed(Resource<Nothing>),
    #[component(name = "closed")]
    Closed,
}

pub(super) fn define(
    to: &mut LinkerInstance<'_, State>,
    interface: &str,
    function: &str,
) -> wasmtime::Result<bool> {
    match interface {
        "poll" => define_poll(to, function),
        "streams" => Ok(define_input(to, function)? || define_output(to, function)?),
        // An error comes from a stream, and no stream gives one.
        _ => Ok(false),
    }
}

fn define_poll(to: &mut LinkerInstance<'_, State>, function: &str) -> wasmtime::Result<bool> {
    type One = (Resource<Pollable>,);
    match function {
        // Not ready yet would be true and lead a guest to ask for ever.
        "[method]pollable.ready" => to.func_wrap(function, |mut store: Store<'_>, (one,): One| {
            wait(&mut store, &[one])?;
            Ok((true,))
        })?,
        "[method]pollable.block" => {
            to.func_wrap(function, |mut store: Store<'_>, (one,): One| wait(&mut store, &[one]).map(drop))?
        }
        "poll" => to.func_wrap(function, |mut store: Store<'_>, (all,): (Vec<Resource<Pollable>>,)| {
            Ok((wait(&mut store, &all)?,))
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Which of them have come to pass: those of the earliest moment, to which the clock moves on.
fn wait(store: &mut Store<'_>, all: &[Resource<Pollable>]) -> wasmtime::Result<Vec<u32>> {
    store.data_mut().enter_wasi(all.len().saturating_mul(ELEMENT_BYTES))?;
    let (wasi, grants, clock) = store.data_mut().time()?;
    let dues = all.iter().map(|one| wasi.handles.get(one).map(|pollable| pollable.due_ns));
    let dues = dues.collect::<Result<Vec<u64>, _>>()?;
    let Some(first_ns) = dues.iter().min() else {
        return Err(wasmtime::Error::msg("waited for nothing: the list of pollables is empty"));
    };
    wasi.time.sleep_until(*first_ns, grants.clock, clock);
    let now_ns = wasi.time.monotonic_ns(grants.clock, clock).max(*first_ns);
    let ready = dues.iter().zip(0..).filter(|(due_ns, _)| **due_ns <= now_ns);
    Ok(ready.map(|(_, index)| index).collect())
}

fn define_input(to: &mut LinkerInstance<'_, State>, function: &str) -> wasmtime::Result<bool> {
    type Length = (Resource<InputStream>, u64);
    match function {
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            to.func_wrap(function, |mut store: Store<'_>, (_, _): Length| {
                store.data_mut().enter_wasi(0)?;
                Ok((Answer::<Vec<u8>>::Err(StreamError::Closed),))
            })?;
        }
        "[method]input-stream.skip" | "[method]input-stream.blocking-skip" => {
            to.func_wrap(function, |mut store: Store<'_>, (_, _): Length| {
                store.data_mut().enter_wasi(0)?;
                Ok((Answer::<u64>::Err(StreamError::Closed),))
            })?;
        }
        "[method]input-stream.subscribe" => {
            to.func_wrap(function, |mut store: Store<'_>, (_,): (Resource<InputStream>,)| {
                Ok((store.data_mut().enter_wasi(0)?.give(Pollable { due_ns: 0 })?,))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn define_output(to: &mut LinkerInstance<'_, State>, function: &str) -> wasmtime::Result<bool> {
    type One = (Resource<OutputStream>,);
    type Bytes = (Resource<OutputStream>, Vec<u8>);
    type Zeroes = (Resource<OutputStream>, u64);
    type Splice = (Resource<OutputStream>, Resource<InputStream>, u64);
    match function {
        "[method]output-stream.check-write" => {
            to.func_wrap(function, |mut store: Store<'_>, (_,): One| {
                store.data_mut().enter_wasi(0)?;
                Ok((Answer::Ok(WRITE_BYTES),))
            })?
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            to.func_wrap(function, |mut store: Store<'_>, (stream, bytes): Bytes| {
                store.data_mut().write(&stream, &bytes)?;
                Ok((Answer::Ok(()),))
            })?;
        }
        "[method]output-stream.write-zeroes" | "[method]output-stream.blocking-write-zeroes-and-flush" => {
            to.func_wrap(function, |mut store: Store<'_>, (_, length): Zeroes| {
                // Charged as if they were written, and not written: zeroes say nothing to an operator.
                store.data_mut().enter_wasi(usize::try_from(length).unwrap_or(usize::MAX))?;
                Ok((Answer::Ok(()),))
            })?;
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            to.func_wrap(function, |mut store: Store<'_>, (_,): One| {
                store.data_mut().enter_wasi(0)?;
                Ok((Answer::Ok(()),))
            })?;
        }
        "[method]output-stream.splice" | "[method]output-stream.blocking-splice" => {
            to.func_wrap(function, |mut store: Store<'_>, (_, _, _): Splice| {
                store.data_mut().enter_wasi(0)?;
                Ok((Answer::<u64>::Err(StreamError::Closed),))
            })?;
        }
        "[method]output-stream.subscribe" => to.func_wrap(function, |mut store: Store<'_>, (_,): One| {
            Ok((store.data_mut().enter_wasi(0)?.give(Pollable { due_ns: 0 })?,))
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}

impl State {
    fn write(&mut self, stream: &Resource<OutputStream>, bytes: &[u8]) -> wasmtime::Result<()> {
        self.enter(bytes.len())?;
        let stream = *self.wasi.handles.get(stream)?;
        let Self { wasi, settings, call, .. } = self;
        if let Some(call) = call {
            wasi.console.write(stream, bytes, &mut call.logs, &settings.limits);
        }
        Ok(())
    }
}

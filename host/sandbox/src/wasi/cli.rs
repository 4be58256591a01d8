//! `wasi:cli`: no environment, no arguments, nothing to read, and a log to write to.

use wasmtime::component::{LinkerInstance, Resource};

use super::Store;
use super::denied::Nothing;
use super::io::{InputStream, OutputStream};
use crate::invocation::State;
use crate::trap::Stop;

pub(super) fn define(
    to: &mut LinkerInstance<'_, State>,
    interface: &str,
    function: &str,
) -> wasmtime::Result<bool> {
    match (interface, function) {
        ("environment", "get-environment") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            store.data_mut().enter_wasi(0)?;
            Ok((Vec::<(String, String)>::new(),))
        })?,
        ("environment", "get-arguments") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            store.data_mut().enter_wasi(0)?;
            Ok((Vec::<String>::new(),))
        })?,
        ("environment", "initial-cwd") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            store.data_mut().enter_wasi(0)?;
            Ok((None::<String>,))
        })?,
        ("exit", "exit") => to.func_wrap(function, |store: Store<'_>, (status,): (Result<(), ()>,)| {
            exit(store, u8::from(status.is_err()))
        })?,
        ("exit", "exit-with-code") => {
            to.func_wrap(function, |store: Store<'_>, (code,): (u8,)| exit(store, code))?;
        }
        ("stdin", "get-stdin") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            Ok((store.data_mut().enter_wasi(0)?.give(InputStream)?,))
        })?,
        ("stdout", "get-stdout") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            Ok((store.data_mut().enter_wasi(0)?.give(OutputStream::Stdout)?,))
        })?,
        ("stderr", "get-stderr") => to.func_wrap(function, |mut store: Store<'_>, ()| {
            Ok((store.data_mut().enter_wasi(0)?.give(OutputStream::Stderr)?,))
        })?,
        ("terminal-stdin", "get-terminal-stdin")
        | ("terminal-stdout", "get-terminal-stdout")
        | ("terminal-stderr", "get-terminal-stderr") => {
            to.func_wrap(function, |mut store: Store<'_>, ()| {
                store.data_mut().enter_wasi(0)?;
                Ok((None::<Resource<Nothing>>,))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Whatever the code: a handler that ended before it answered has failed.
fn exit(mut store: Store<'_>, code: u8) -> wasmtime::Result<()> {
    store.data_mut().enter_wasi(0)?;
    Err(Stop::Exited { code }.into())
}

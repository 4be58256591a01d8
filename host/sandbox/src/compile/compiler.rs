//! Who compiles, and what became of it.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::Component;

use super::error::CompileError;
use super::limits::CompileLimits;
use super::process;
use super::program::Program;
use super::target::Target;
use super::wire::{Answer, Question};
use crate::census::Weight;
use crate::limits::Limits;
use crate::load_error::LoadError;
use crate::trap::one_line;

/// How components become code. Cheap to clone; clones share what was compiled.
#[derive(Clone)]
pub struct Compiler {
    inner: Arc<Inner>,
}

struct Inner {
    place: Place,
}

enum Place {
    Here,
    Child(Program, CompileLimits),
}

impl Compiler {
    /// Compiles in a child process of this program, within these limits: for components that nobody has to
    /// trust.
    pub fn in_child(program: Program, limits: CompileLimits) -> Self {
        Self::of(Place::Child(program, limits))
    }

    /// Compiles in this process, without any limit: for tests, and for components that are trusted. The code
    /// is the same, and loaded in the same way.
    pub fn in_this_process() -> Self {
        Self::of(Place::Here)
    }

    fn of(place: Place) -> Self {
        Self { inner: Arc::new(Inner { place }) }
    }

    /// A component, ready to be linked. `bytes` are a component by their first eight; nothing else of them is
    /// read in this process, unless it is the one that compiles.
    pub(crate) fn component(
        &self,
        engine: &wasmtime::Engine,
        target: Target,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Component, LoadError> {
        let artifact = self.compile(target, bytes)?;
        let Some((weight, code)) = artifact.split_first_chunk() else {
            return Err(CompileError::Died("its code is cut off".to_owned()).into());
        };
        Weight::of_bytes(weight).check(limits)?;
        load(engine, code)
            .map_err(|error| CompileError::Died(format!("its code is refused: {}", one_line(&error))).into())
    }

    fn compile(&self, target: Target, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        let (program, limits) = match &self.inner.place {
            Place::Child(program, limits) => (program, limits),
            Place::Here => {
                return target.compile(bytes).map_err(|error| LoadError::Invalid(one_line(&error)));
            }
        };
        let question = Question { target, length: bytes.len() as u64 };
        match process::ask(program, question, bytes, limits)? {
            Answer::Code(code) => Ok(code),
            // It comes from a process that read the component: it is as trustworthy as that.
            Answer::Invalid(why) => Err(LoadError::Invalid(shown_error(&why))),
            Answer::OutOfMemory => Err(CompileError::Memory { limit: limits.memory_bytes }.into()),
            Answer::Unfit(why) => Err(CompileError::Unavailable(shown_error(&why)).into()),
        }
    }
}

fn shown_error(text: &str) -> String {
    oncegate_dedup::text::shown(text.as_bytes(), crate::trap::SHOWN_ERROR_BYTES)
}

/// Maps machine code and makes it ready to run.
#[expect(unsafe_code, reason = "nobody can verify machine code, only where it comes from")]
fn load(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code was made by this very program's compiler: by a child that runs it and nothing else. Code
    // from anywhere else does not come here: `form::check` refuses it as a component.
    unsafe { Component::deserialize(engine, code) }
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut compiler = f.debug_struct("Compiler");
        match &self.inner.place {
            Place::Here => compiler.field("place", &"this process"),
            Place::Child(program, limits) => compiler.field("program", program).field("limits", limits),
        };
        compiler.finish()
    }
}

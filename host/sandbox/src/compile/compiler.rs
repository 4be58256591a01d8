//! Who compiles, and what became of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::cache::{Cache, Subject};
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
    cache: Option<Cache>,
    compilations: AtomicU64,
    notes: Mutex<Vec<String>>,
}

#[derive(Clone)]
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
        let (compilations, notes) = (AtomicU64::new(0), Mutex::default());
        Self { inner: Arc::new(Inner { place, cache: None, compilations, notes }) }
    }

    /// The same, which keeps what it compiled in this cache. For a compiler that was not used yet.
    pub fn with_cache(self, cache: Cache) -> Self {
        let place = match Arc::try_unwrap(self.inner) {
            Ok(inner) => inner.place,
            Err(shared) => shared.place.clone(),
        };
        let (compilations, notes) = (AtomicU64::new(0), Mutex::default());
        Self { inner: Arc::new(Inner { place, cache: Some(cache), compilations, notes }) }
    }

    /// How many components it has compiled, rather than found in its cache.
    pub fn compilations(&self) -> u64 {
        self.inner.compilations.load(Ordering::Relaxed)
    }

    /// What an operator should know of the cache, each once.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner))
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
        let subject = self.subject(engine, target, bytes);
        if let Some(artifact) = subject.and_then(|subject| self.cached(&subject)) {
            match ready(engine, &artifact, limits) {
                // It was made for another processor.
                Err(LoadError::Compile(_)) => {}
                found => return found,
            }
        }
        let artifact = self.compile(target, bytes)?;
        self.inner.compilations.fetch_add(1, Ordering::Relaxed);
        let component = ready(engine, &artifact, limits)?;
        if let (Some(cache), Some(subject)) = (&self.inner.cache, &subject)
            && let Err(note) = cache.put(subject, &artifact)
        {
            self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        }
        Ok(component)
    }

    /// What the cache would have it under; none without a cache, or if it cannot be told which program compiles.
    fn subject(&self, engine: &wasmtime::Engine, target: Target, bytes: &[u8]) -> Option<Subject> {
        self.inner.cache.as_ref()?;
        let program = match &self.inner.place {
            Place::Child(program, _) => program.identity(),
            Place::Here => Program::own(&[]).and_then(|own| own.identity()),
        };
        let compatibility = target.compatibility(engine, &program.ok()?);
        Some(Subject { component: Sha256::digest(bytes).into(), compatibility })
    }

    fn cached(&self, subject: &Subject) -> Option<Vec<u8>> {
        let most = match &self.inner.place {
            Place::Child(_, limits) => limits.code_bytes(),
            Place::Here => CompileLimits::default().code_bytes(),
        };
        self.inner.cache.as_ref()?.get(subject, most)
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

/// A component from what was compiled: what one instance of it takes, and its code.
fn ready(engine: &wasmtime::Engine, artifact: &[u8], limits: &Limits) -> Result<Component, LoadError> {
    let Some((weight, code)) = artifact.split_first_chunk() else {
        return Err(CompileError::Died("its code is cut off".to_owned()).into());
    };
    Weight::of_bytes(weight).check(limits)?;
    load(engine, code)
        .map_err(|error| CompileError::Died(format!("its code is refused: {}", one_line(&error))).into())
}

/// Maps machine code and makes it ready to run.
#[expect(unsafe_code, reason = "nobody can verify machine code, only where it comes from")]
fn load(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code was made by this very program's compiler: just now, by a child that runs it and nothing else,
    // or earlier, and then it was verified in this memory against a key that only this user's hosts know. Code from
    // anywhere else does not come here: `form::check` refuses it as a component.
    unsafe { Component::deserialize(engine, code) }
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut compiler = f.debug_struct("Compiler");
        match &self.inner.place {
            Place::Here => compiler.field("place", &"this process"),
            Place::Child(program, limits) => compiler.field("program", program).field("limits", limits),
        };
        compiler.field("cache", &self.inner.cache).finish()
    }
}

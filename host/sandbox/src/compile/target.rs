//! What code has to be like for an engine to run it.

use std::hash::{Hash as _, Hasher};

use sha2::{Digest as _, Sha256};

use super::program::Identity;
use crate::census;
use crate::engine::{self, Memories};

/// What a compilation has to know of the engine that will run its code. The same settings that decide whether
/// the runtime accepts the code; everything else is the same for all engines of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) memories: Memories,
}

impl Target {
    /// Machine code of a component for such an engine, behind what one instance of it takes. No code if there can be no
    /// instance. Instances come on demand in the engine that compiles, which makes none: a pool could not be reserved under a
    /// limit on memory.
    pub(crate) fn compile(self, bytes: &[u8]) -> wasmtime::Result<Vec<u8>> {
        let weight =
            census::count(bytes).map_err(|error| wasmtime::Error::msg(error.message().to_owned()))?;
        let mut artifact = weight.to_bytes().to_vec();
        if weight.fits_anywhere().is_ok() {
            artifact.extend(engine::compiling(self.memories)?.precompile_component(bytes)?);
        }
        Ok(artifact)
    }

    /// What has to be the same for code of this target to fit an engine: the engine's settings, the runtime's
    /// version, and the program that compiles. What the processor has to have is written in the code, and is
    /// checked when it is loaded.
    pub(crate) fn compatibility(self, engine: &wasmtime::Engine, program: &Identity) -> [u8; 32] {
        let mut digest = Digest(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut digest);
        program.hash(&mut digest);
        digest.write_u8(self.code());
        digest.0.finalize().into()
    }

    /// As one byte of a request.
    pub(crate) fn code(self) -> u8 {
        match self.memories {
            Memories::Reserved => 0,
            Memories::Small => 1,
        }
    }

    /// From one byte of a request.
    pub(crate) fn of(code: u8) -> Option<Self> {
        let memories = match code {
            0 => Memories::Reserved,
            1 => Memories::Small,
            _ => return None,
        };
        Some(Self { memories })
    }
}

/// Hashes into more bits than a hash table needs.
struct Digest(Sha256);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of no use: the digest is taken out.
    fn finish(&self) -> u64 {
        0
    }
}

//! How this program compiles plugins: it runs itself again, as a child that does nothing else, and keeps the
//! results.

use std::path::PathBuf;

use oncegate_sandbox::{Cache, CompileLimits, Compiler, Program};

use crate::config::HostOptions;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::warning::warning;

/// The command that the child is started with. No command of the command line: nobody types it.
const COMMAND: &str = "compile-child";

/// How much is kept by a process that has no configuration, in bytes: what `compile.cache_bytes` is by default.
const CACHE_BYTES: u64 = 1 << 30;

/// Whether this process is such a child.
pub fn is_asked() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|command| command == COMMAND) && arguments.next().is_none()
}

/// A compiler, and the program and folder that it needs.
#[derive(Debug)]
pub struct Compiling {
    /// The compiler.
    pub compiler: Compiler,
    /// What it runs.
    pub program: Program,
    /// Where it keeps what it made.
    pub cache: Option<PathBuf>,
}

impl Compiling {
    /// Without a cache, for a look at one plugin.
    pub fn once(limits: CompileLimits) -> Result<Self, Failure> {
        let program = Program::own(&[COMMAND]).or_exit(Exit::Failed)?;
        Ok(Self { compiler: Compiler::in_child(program.clone(), limits), program, cache: None })
    }

    /// With the usual cache, if it can be had, for a look at what a second start costs.
    pub fn cached(limits: CompileLimits) -> Result<Self, Failure> {
        let compiling = Self::once(limits)?;
        let cache = usual_folder().and_then(|folder| Cache::open(&folder, CACHE_BYTES).ok());
        let Some(cache) = cache else { return Ok(compiling) };
        let folder = Some(cache.path().to_owned());
        Ok(Self { compiler: compiling.compiler.with_cache(cache), cache: folder, ..compiling })
    }

    /// As a process is told to. A cache that was named has to be had; without the usual one, plugins are compiled
    /// at each start.
    pub fn new(host: &HostOptions) -> Result<Self, Failure> {
        let compiling = Self::once(host.compile)?;
        if host.cache_bytes == 0 {
            return Ok(compiling);
        }
        let cache = match &host.cache {
            Some(folder) => Cache::open(folder, host.cache_bytes).or_exit(Exit::Failed)?,
            None => {
                let Some(folder) = usual_folder() else { return Ok(compiling) };
                match Cache::open(&folder, host.cache_bytes) {
                    Ok(cache) => cache,
                    Err(error) => {
                        warning!("plugins are compiled at each start: {error}");
                        return Ok(compiling);
                    }
                }
            }
        };
        let folder = Some(cache.path().to_owned());
        Ok(Self { compiler: compiling.compiler.with_cache(cache), cache: folder, ..compiling })
    }
}

/// The folder that systemd gives a service, or the user's; none where there is no user to speak of.
fn usual_folder() -> Option<PathBuf> {
    let folder = |name: &str| {
        let value = std::env::var_os(name)?;
        // Systemd gives several with colons between them.
        let first = PathBuf::from(value.to_str().and_then(|text| text.split(':').next()).unwrap_or_default());
        first.is_absolute().then_some(first)
    };
    let of_user = || folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    match folder("CACHE_DIRECTORY") {
        Some(folder) => Some(folder.join("plugins")),
        None => Some(of_user()?.join("oncegate").join("plugins")),
    }
}

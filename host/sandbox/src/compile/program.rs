//! The program that a compile child runs.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::ptr;
use std::sync::Arc;

use oncegate_rights::OwnProgram;
use rustix::fs::{Mode, OFlags};

use super::limits::CompileLimits;

/// The path that goes with the descriptor, always this one.
static EMPTY: &CStr = c"";
/// The most arguments that a program may have, its name included.
const MOST_ARGUMENTS: usize = 7;

/// A program as an open file, so that what is run later is what was there at the start: a program that was
/// replaced meanwhile is another one. Cheap to clone.
///
/// It is run through this descriptor and no path, which lets a process forbid itself every other way to run a
/// program.
#[derive(Debug, Clone)]
pub struct Program {
    file: Arc<OwnedFd>,
    arguments: Vec<CString>,
}

/// What tells a program from another one, or from its own next version: a copy of it, or one that was built again,
/// is another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    inode: u64,
    bytes: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Program {
    /// The program that this process runs, with these arguments. It has to call
    /// [`serve_compilation`](crate::serve_compilation) when it sees them.
    pub fn own(arguments: &[&str]) -> io::Result<Self> {
        Self::open("/proc/self/exe".as_ref(), arguments)
    }

    /// Another program, with these arguments.
    pub fn open(path: &Path, arguments: &[&str]) -> io::Result<Self> {
        let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let arguments = ["oncegate"].iter().chain(arguments).map(|argument| CString::new(*argument));
        let arguments: Vec<CString> = arguments.collect::<Result<_, _>>()?;
        if arguments.len() > MOST_ARGUMENTS {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many arguments"));
        }
        Ok(Self { file: Arc::new(file), arguments })
    }

    /// What a process has to keep to be able to run it.
    pub fn kept(&self) -> OwnProgram {
        OwnProgram { descriptor: self.file.as_raw_fd(), empty_path: EMPTY }
    }

    /// Which program it is.
    pub(crate) fn identity(&self) -> io::Result<Identity> {
        let stat = rustix::fs::fstat(&*self.file)?;
        Ok(Identity {
            inode: stat.st_ino as u64,
            bytes: stat.st_size as i64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        })
    }

    /// How to start it: within these limits, with nothing in its environment, in the root folder, in a process
    /// group of its own.
    #[expect(unsafe_code, reason = "the standard library runs programs by their path only")]
    pub(crate) fn command(&self, limits: &CompileLimits) -> Command {
        // The path is never used: the closure below runs the program, or fails.
        let mut command = Command::new("/proc/self/exe");
        command.env_clear().current_dir("/").process_group(0);
        let (program, limits) = (self.clone(), *limits);
        let run = move || {
            limits.limit_this_process()?;
            Err(program.become_it())
        };
        // SAFETY: between fork and exec the closure makes system calls. It allocates nothing, takes no lock and
        // touches no memory but its own captures and its stack.
        unsafe { command.pre_exec(run) };
        command
    }

    /// Runs the program in this process; returns only if that failed.
    #[expect(unsafe_code, reason = "no crate that is used here has this system call")]
    fn become_it(&self) -> io::Error {
        let mut argv = [ptr::null(); MOST_ARGUMENTS + 1];
        for (place, argument) in argv.iter_mut().zip(&self.arguments) {
            *place = argument.as_ptr();
        }
        let envp = [ptr::null::<libc::c_char>()];
        // SAFETY: all pointers are to strings and arrays that end with zero and live until the call is over; the
        // arguments are at most MOST_ARGUMENTS, so that the last place is the null pointer that ends them.
        unsafe {
            libc::syscall(
                libc::SYS_execveat,
                self.file.as_raw_fd(),
                EMPTY.as_ptr(),
                argv.as_ptr(),
                envp.as_ptr(),
                libc::AT_EMPTY_PATH,
            );
        }
        io::Error::last_os_error()
    }
}

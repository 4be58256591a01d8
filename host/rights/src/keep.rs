//! What a process keeps.

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

/// What a process keeps. Everything else that can be taken from it goes.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    pub(crate) places: Vec<(PathBuf, Access)>,
    pub(crate) connects: bool,
    pub(crate) program: Option<OwnProgram>,
}

/// What may be done with a file, or with everything in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The folder is listed, and no file in it is read.
    List,
    /// It is read; a folder is listed, too.
    Read,
    /// It is run, or is mapped as a part of what is run.
    Run,
    /// It is read, written and cut.
    Write,
    /// New files are made in the folder; all of them are read, written and cut.
    Make,
    /// The folder is this process's own: what is in it is made, changed and removed.
    Own,
}

/// The one program that may be run, as an open file.
#[derive(Debug, Clone, Copy)]
pub struct OwnProgram {
    /// Its descriptor.
    pub descriptor: RawFd,
    /// The empty path that is given with the descriptor. The filter sees where it lies, not what it says: any
    /// other text, and with it any other program, lies elsewhere.
    pub empty_path: &'static std::ffi::CStr,
}

impl Keep {
    /// Keeps this access to a file or folder. What is not there when rights are dropped cannot be kept.
    pub fn place(&mut self, path: &Path, access: Access) {
        self.places.push((path.to_owned(), access));
    }

    /// Keeps TCP connections to others. Nobody can connect to this process in either case.
    pub fn connections(&mut self) {
        self.connects = true;
    }

    /// Keeps the running of this one program.
    pub fn program(&mut self, program: OwnProgram) {
        self.program = Some(program);
    }
}

//! A folder that is this user's alone, and files in it by their names only.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::Why;

/// A folder as it was when it was opened: whatever becomes of its path, files are made and found in it.
#[derive(Debug)]
pub(super) struct Folder {
    folder: OwnedFd,
}

/// A file in the folder.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) modified_s: i64,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, Why> {
        let path = std::path::absolute(path)?;
        let (there, missing) = existing(&path)?;
        let mut at = PathBuf::from("/");
        let mut folder = rustix::fs::open(&at, FOLDER, Mode::empty())?;
        for name in there.components().filter_map(name) {
            at.push(name);
            folder = enter(&folder, name, &at)?;
            shared(&folder, &at)?;
        }
        for name in missing {
            match mkdirat(&folder, &name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            at.push(&name);
            folder = enter(&folder, &name, &at)?;
        }
        own(&rustix::fs::fstat(&folder)?, &path)?;
        Ok(Self { folder })
    }

    /// A new file that nobody else can open.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// A regular file of this user's that nobody else can write, of at most so many bytes; none if it is
    /// anything else.
    pub(super) fn find(&self, name: &str, most_bytes: u64) -> io::Result<Option<File>> {
        // Without waiting: it could be a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&file)?;
        let fits = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && is_ours(&stat)
            && stat.st_mode & 0o077 == 0
            && u64::try_from(stat.st_size).is_ok_and(|size| size <= most_bytes);
        Ok(fits.then(|| file.into()))
    }

    /// Gives a file another name, in the place of whatever has it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.folder, from, &self.folder, to)?)
    }

    /// Gives a file a second name, unless it is taken.
    pub(super) fn link(&self, from: &str, to: &str) -> io::Result<bool> {
        match rustix::fs::linkat(&self.folder, from, &self.folder, to, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file. Somebody else may have.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything in it that is a file.
    pub(super) fn list(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        let listed = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        for entry in Dir::new(openat(&self.folder, ".", listed, Mode::empty())?)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            // Gone again, if it cannot be asked about.
            let Ok(stat) = rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                found.push(Found { name: name.to_owned(), bytes, modified_s: stat.st_mtime });
            }
        }
        Ok(found)
    }
}

/// Only to go on from: a folder on the way may be one that this user can pass through and not list.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The part of a path that is there, without links above its last name, and the names that are not there yet.
fn existing(path: &Path) -> Result<(PathBuf, Vec<std::ffi::OsString>), Why> {
    if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Err(Why::Link(path.to_owned()));
    }
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        match there.canonicalize() {
            Ok(real) => {
                missing.reverse();
                return Ok((real, missing));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let (Some(name), Some(above)) = (there.file_name(), there.parent()) else {
            return Err(Why::NoFolder(path.to_owned()));
        };
        missing.push(name.to_owned());
        there = above;
    }
}

fn name(component: Component<'_>) -> Option<&OsStr> {
    match component {
        Component::Normal(name) => Some(name),
        _ => None,
    }
}

fn enter(folder: &OwnedFd, name: &OsStr, path: &Path) -> Result<OwnedFd, Why> {
    openat(folder, name, FOLDER, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => Why::Link(path.to_owned()),
        Errno::NOTDIR => Why::NoFolder(path.to_owned()),
        error => error.into(),
    })
}

/// A folder on the way: nobody but its owner, who is root or this user, can put another folder in the place of
/// one in it.
fn shared(folder: &OwnedFd, path: &Path) -> Result<(), Why> {
    let stat = rustix::fs::fstat(folder)?;
    if stat.st_uid != 0 && !is_ours(&stat) {
        return Err(Why::Foreign(path.to_owned()));
    }
    // In a sticky folder only a file's owner may rename it.
    match stat.st_mode & 0o022 != 0 && stat.st_mode & 0o1000 == 0 {
        true => Err(Why::Writable(path.to_owned())),
        false => Ok(()),
    }
}

/// The folder itself.
fn own(stat: &Stat, path: &Path) -> Result<(), Why> {
    if !is_ours(stat) {
        return Err(Why::Foreign(path.to_owned()));
    }
    match stat.st_mode & 0o077 {
        0 => Ok(()),
        _ => Err(Why::Open),
    }
}

fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

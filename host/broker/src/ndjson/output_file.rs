//! Opening an output file: regular, durable in its folder, and ours alone.

use std::fs::{self, File, FileType, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::sink::SinkError;

use super::lock_holder;

/// How much is gathered before it is written, in bytes.
pub(super) const BUFFER_BYTES: usize = 256 * 1024;

/// Opens `path` for reading and writing, created with mode 0644 if need be, and locks it until it is closed.
/// The lock is advisory: it keeps out other runs, not other programs.
pub(super) fn open(path: &Path, append: bool) -> Result<File, SinkError> {
    let shown = || path.display().to_string();
    let cannot = |cause| SinkError::Open { path: shown(), cause };
    // Before opening: to open a pipe would wait for its reader.
    match fs::metadata(path) {
        Ok(found) => require_regular(found.file_type(), path)?,
        Err(error) if error.kind() == ErrorKind::NotFound => require_folder(path)?,
        Err(error) => return Err(cannot(error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).append(append).create(true).truncate(false).mode(0o644);
    let file = options.open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    require_regular(metadata.file_type(), path)?;
    lock(&file, path)?;
    if metadata.len() == 0 {
        // A new file is found after a power cut only once its folder is on disk.
        sync_folder(path).map_err(cannot)?;
    }
    Ok(file)
}

fn require_regular(file_type: FileType, path: &Path) -> Result<(), SinkError> {
    let found = match file_type {
        t if t.is_file() => return Ok(()),
        t if t.is_dir() => "a directory",
        t if t.is_fifo() => "a named pipe",
        t if t.is_socket() => "a socket",
        _ => "a device",
    };
    Err(SinkError::NotRegular { path: path.display().to_string(), found })
}

fn require_folder(path: &Path) -> Result<(), SinkError> {
    let folder = folder(path);
    if folder.exists() {
        return Ok(());
    }
    Err(SinkError::NoFolder { path: path.display().to_string(), folder: folder.display().to_string() })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder(path))?.sync_all() {
        // Some file systems cannot sync a folder; they say so with EINVAL.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

fn lock(file: &File, path: &Path) -> Result<(), SinkError> {
    let path = || path.display().to_string();
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(SinkError::Locked { path: path(), pid: lock_holder::find(file) })
        }
        Err(TryLockError::Error(cause)) => Err(SinkError::Lock { path: path(), cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_file_is_created_and_an_old_one_keeps_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        drop(open(&path, false).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777 & !0o644, 0);
        fs::write(&path, "kept\n").unwrap();
        drop(open(&path, true).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"kept\n");
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, kind) in
            [(folder.path(), "a directory"), (Path::new("/dev/null"), "a device"), (&socket, "a socket")]
        {
            let error = open(path, false).unwrap_err();
            assert!(matches!(&error, SinkError::NotRegular { found, .. } if *found == kind), "{error}");
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none").join("out");
        let error = open(&path, false).unwrap_err();
        let missing = folder.path().join("none").display().to_string();
        assert!(matches!(error, SinkError::NoFolder { folder, .. } if folder == missing));
    }

    #[test]
    fn a_locked_file_names_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let held = open(&path, false).unwrap();
        let error = open(&path, false).unwrap_err();
        assert!(
            matches!(error, SinkError::Locked { pid: Some(pid), .. } if pid == std::process::id()),
            "{error}"
        );
        drop(held);
        open(&path, false).unwrap();
    }
}

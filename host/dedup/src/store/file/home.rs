//! The store's directory.
//!
//! | name | what |
//! |---|---|
//! | `LOCK` | the lock; holds the pid of the process that has the store open |
//! | `FORMAT` | the layout's version |
//! | `engine` | the tree |
//! | `claims-OWNER-NUMBER.log` | claim logs, named after the stamp that they begin at |
//!
//! A store is made beside its final names and renamed, so that a creation that was cut short (a full disk, a
//! kill) leaves nothing that the next one could take for a store.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::lock::Lock;

/// The layout that this version reads and writes.
pub(super) const LAYOUT: u64 = 1;

const LOCK: &str = "LOCK";
const FORMAT: &str = "FORMAT";
const FORMAT_NEW: &str = "FORMAT.new";
const ENGINE: &str = "engine";
const ENGINE_NEW: &str = "engine.new";

/// The first line of `FORMAT`.
const TITLE: &str = "oncegate store";

/// A directory that is a store, or becomes one, and its lock.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
}

impl Home {
    /// Enters the directory at `path`, which is made if there is none, and locks it. `make_engine` makes an
    /// empty tree in the directory that it is given, if the store has none yet.
    pub fn enter(
        path: &Path,
        make_engine: impl FnOnce(&Path) -> Result<(), OpenError>,
    ) -> Result<(Self, Lock), OpenError> {
        make_directory(path)?;
        let home = Self { path: path.to_owned() };
        // Looked at before the lock file is made: a stranger's directory stays as it is.
        home.layout()?;
        let lock = Lock::take(path, &path.join(LOCK))?;
        // And again, now that nobody else can be making it.
        let is_store = home.layout()?.is_some();
        let (engine, made) = (home.engine().exists(), path.join(ENGINE_NEW).exists());
        match (is_store, engine, made) {
            (true, true, _) => {}
            (true, false, true) => home.rename(ENGINE_NEW, ENGINE)?,
            (true, false, false) => return Err(OpenError::damaged(path, "its folder `engine` is missing")),
            (false, ..) => home.make(make_engine)?,
        }
        Ok((home, lock))
    }

    /// Where the tree is.
    pub fn engine(&self) -> PathBuf {
        self.path.join(ENGINE)
    }

    fn make(&self, make_engine: impl FnOnce(&Path) -> Result<(), OpenError>) -> Result<(), OpenError> {
        let engine = self.path.join(ENGINE_NEW);
        if engine.exists() {
            fs::remove_dir_all(&engine)
                .map_err(OpenError::io(&self.path, "remove an unfinished creation"))?;
        }
        make_engine(&engine)?;
        let text = format!("{TITLE}\nlayout {LAYOUT}\n");
        write_synced(&self.path.join(FORMAT_NEW), text.as_bytes())
            .map_err(OpenError::io(&self.path, "write its format"))?;
        // The mark comes after the tree is complete, and before the tree gets the name under which it is used.
        self.rename(FORMAT_NEW, FORMAT)?;
        self.rename(ENGINE_NEW, ENGINE)?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(parent.unwrap_or(Path::new("."))).map_err(OpenError::io(&self.path, "sync its parent"))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), OpenError> {
        fs::rename(self.path.join(from), self.path.join(to))
            .and_then(|()| sync_directory(&self.path))
            .map_err(OpenError::io(&self.path, "rename a part of it"))
    }

    /// The layout's version if this is a store, nothing if it may become one.
    fn layout(&self) -> Result<Option<u64>, OpenError> {
        let text = match fs::read(self.path.join(FORMAT)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.vacant().map(|()| None),
            Err(error) => return Err(OpenError::io(&self.path, "read its format")(error)),
        };
        let Some(found) = parse(&text) else {
            return Err(self.not_a_store("its file FORMAT is not a store's"));
        };
        if found > LAYOUT {
            return Err(OpenError::NewerLayout { path: self.path.clone(), found, known: LAYOUT });
        }
        if found != LAYOUT {
            return Err(OpenError::damaged(&self.path, format!("it has layout {found}, which never was")));
        }
        Ok(Some(found))
    }

    /// Whether nothing is here but what an unfinished creation leaves.
    fn vacant(&self) -> Result<(), OpenError> {
        let mut foreign = None;
        for entry in fs::read_dir(&self.path).map_err(OpenError::io(&self.path, "list it"))? {
            let name = entry.map_err(OpenError::io(&self.path, "list it"))?.file_name();
            if name == FORMAT {
                // Another process has just made it. What it is shows under the lock.
                return Ok(());
            }
            if ![LOCK, FORMAT_NEW, ENGINE_NEW].iter().any(|ours| name == *ours) {
                foreign = Some(name);
            }
        }
        if let Some(name) = foreign {
            let name = crate::text::shown(name.as_encoded_bytes(), 80);
            return Err(self.not_a_store(&format!("it holds {name}, and no file FORMAT")));
        }
        Ok(())
    }

    fn not_a_store(&self, why: &str) -> OpenError {
        OpenError::NotAStore { path: self.path.clone(), why: why.to_owned() }
    }
}

fn make_directory(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => {
            let why = "it is a file, and a store is a directory".to_owned();
            Err(OpenError::NotAStore { path: path.to_owned(), why })
        }
        // Only the last part: with more, a slip in a path would be an empty store in a new place.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir(path).map_err(OpenError::io(path, "make its directory"))
        }
        Err(error) => Err(OpenError::io(path, "look at it")(error)),
    }
}

fn parse(text: &[u8]) -> Option<u64> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    if lines.next()? != TITLE {
        return None;
    }
    lines.next()?.strip_prefix("layout ")?.parse().ok()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes what was created, renamed or removed in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

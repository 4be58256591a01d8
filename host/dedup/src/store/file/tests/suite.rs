//! The suite for all stores, with this one: named cases, and random stories against the model.

use super::*;
use crate::conformance::{Bench, ManualClock, Reopened, holds};

struct FileBench {
    clock: Arc<ManualClock>,
    /// None only while it is opened again.
    store: Option<Arc<FileStore>>,
    folder: tempfile::TempDir,
}

impl FileBench {
    fn new() -> Self {
        let (folder, clock) = (folder_in_memory(), ManualClock::new());
        let mut bench = Self { clock, store: None, folder };
        bench.open();
        bench
    }

    fn open(&mut self) {
        // Logs so short that they are replaced in the middle of a story.
        let options = FileOptions { claim_log_bytes: 700, ..small() };
        self.store = Some(FileStore::open(self.folder.path(), self.clock.clone(), options).unwrap());
    }

    fn file_store(&self) -> &FileStore {
        self.store.as_deref().unwrap()
    }
}

impl Bench for FileBench {
    fn store(&self) -> &dyn Store {
        self.file_store()
    }

    fn advance(&mut self, ms: u64) {
        self.clock.advance(ms);
    }

    fn plant(&mut self, key: &Key, bytes: &[u8], life_ms: u64) {
        self.file_store().plant(key, bytes.to_vec(), life_ms);
    }

    fn reopen(&mut self) -> Reopened {
        self.store = None;
        self.open();
        Reopened::ClaimsVoid
    }
}

#[test]
fn the_embedded_store_holds() {
    holds(FileBench::new, 200);
}

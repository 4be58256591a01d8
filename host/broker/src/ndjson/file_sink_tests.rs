//! Resuming, cutting back, refusing.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("out.ndjson")
    }

    fn content(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Writes `synced`, syncs, and ends like a killed process (or in order, if `clean`).
    fn run(&self, synced: &str, clean: bool) -> Position {
        let mut sink = FileSink::open(self.path()).unwrap();
        sink.resume(None).unwrap();
        sink.append(synced.as_bytes()).unwrap();
        sink.sync().unwrap();
        sink.position(clean).unwrap()
    }

    fn add(&self, text: &str) {
        OpenOptions::new().append(true).open(self.path()).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn resume(&self, recorded: Option<&Position>) -> Result<Resumed, SinkError> {
        FileSink::open(self.path()).unwrap().resume(recorded)
    }

    /// Resuming is refused, and again after that, and the file is as it was.
    fn refuse(&self, recorded: Option<&Position>) -> SinkError {
        let before = fs::read(self.path()).unwrap();
        let mut sink = FileSink::open(self.path()).unwrap();
        let error = sink.resume(recorded).unwrap_err();
        assert!(matches!(sink.append(b"1\n"), Err(SinkError::NotReady { .. })));
        assert!(matches!(sink.sync(), Err(SinkError::NotReady { .. })));
        assert!(matches!(sink.position(true), Err(SinkError::NotReady { .. })));
        assert_eq!(fs::read(self.path()).unwrap(), before);
        error
    }
}

#[test]
fn what_lies_beyond_the_recorded_position_is_cut_off() {
    let folder = Folder::new();
    let position = folder.run("1\n2\n", false);
    folder.add("3\n{\"torn");
    assert_eq!(folder.resume(Some(&position)).unwrap(), Resumed { length: 4, cut: 8 });
    assert_eq!(folder.content(), "1\n2\n");
    assert_eq!(folder.resume(Some(&position)).unwrap(), Resumed { length: 4, cut: 0 });
}

#[test]
fn a_file_that_is_new_to_the_store_is_appended_to() {
    let folder = Folder::new();
    fs::write(folder.path(), "old\n").unwrap();
    let mut sink = FileSink::open(folder.path()).unwrap();
    assert_eq!(sink.resume(None).unwrap(), Resumed { length: 4, cut: 0 });
    let position = sink.position(false).unwrap();
    sink.append(b"new\n").unwrap();
    sink.sync().unwrap();
    assert_eq!(folder.content(), "old\nnew\n");
    drop(sink);
    assert_eq!(folder.resume(Some(&position)).unwrap().cut, 4);
    assert_eq!(folder.content(), "old\n");
}

#[test]
fn a_position_promises_only_what_is_synced() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    sink.resume(None).unwrap();
    sink.append(b"1\n").unwrap();
    let position = sink.position(true).unwrap();
    assert_eq!((position.length, position.clean), (0, false));
    sink.sync().unwrap();
    let position = sink.position(true).unwrap();
    assert_eq!((position.length, position.clean), (2, true));
}

#[test]
fn dropping_the_sink_writes_nothing() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    sink.resume(None).unwrap();
    sink.append(b"1\n").unwrap();
    drop(sink);
    assert_eq!(folder.content(), "");
}

#[test]
fn large_groups_keep_their_order() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    sink.resume(None).unwrap();
    let mut expected = String::new();
    for number in 0..100_000 {
        let line = format!("{{\"n\":{number}}}\n");
        sink.append(line.as_bytes()).unwrap();
        expected += &line;
        if number % 30_000 == 0 {
            oncegate_redis::wait(sink.flush()).unwrap();
        }
    }
    sink.sync().unwrap();
    assert_eq!(folder.content(), expected);
    let position = sink.position(true).unwrap();
    assert_eq!(sink.resume(Some(&position)).unwrap(), Resumed { length: expected.len() as u64, cut: 0 });
}

#[test]
fn a_group_that_could_not_be_recorded_is_taken_back_by_resuming() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    sink.resume(None).unwrap();
    let recorded = sink.position(false).unwrap();
    sink.append(b"1\n").unwrap();
    sink.sync().unwrap();
    assert_eq!(sink.resume(Some(&recorded)).unwrap().cut, 2);
    sink.append(b"2\n").unwrap();
    sink.sync().unwrap();
    assert_eq!(folder.content(), "2\n");
}

#[test]
fn lines_since_the_last_sync_can_be_taken_back() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    sink.resume(None).unwrap();
    sink.append(b"1\n").unwrap();
    sink.sync().unwrap();
    sink.append(&[b'x'; BUFFER_BYTES]).unwrap();
    sink.append(b"\n").unwrap();
    sink.take_back().unwrap();
    sink.append(b"2\n").unwrap();
    sink.sync().unwrap();
    assert_eq!(folder.content(), "1\n2\n");
}

#[test]
fn a_failed_write_leaves_whole_lines_and_the_sink_usable() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    sink.resume(None).unwrap();
    sink.append(b"1\n").unwrap();
    sink.sync().unwrap();
    // As a disk does that fills up within a line.
    sink.append(b"2\n").unwrap();
    sink.file.write_all_at(b"{\"to", 2).unwrap();
    let error = sink.cut_back(ErrorKind::StorageFull.into());
    assert_eq!(error.to_string(), format!("cannot write the output {}", folder.path().display()));
    assert_eq!(folder.content(), "1\n");
    sink.append(b"3\n").unwrap();
    sink.sync().unwrap();
    assert_eq!(folder.content(), "1\n3\n");
    let position = sink.position(true).unwrap();
    drop(sink);
    folder.resume(Some(&position)).unwrap();
}

#[test]
fn a_failed_cut_after_a_failed_write_stops_the_sink() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    sink.resume(None).unwrap();
    // Neither writing nor cutting works on a file that is open for reading only.
    sink.file = File::open(folder.path()).unwrap();
    sink.append(b"1\n").unwrap();
    let error = sink.sync().unwrap_err();
    assert!(matches!(error, SinkError::NotCutBack { length: 0, .. }), "{error}");
    assert!(matches!(sink.append(b"1\n"), Err(SinkError::NotReady { .. })));
}

#[test]
fn nothing_is_written_before_resuming() {
    let folder = Folder::new();
    let mut sink = FileSink::open(folder.path()).unwrap();
    assert!(matches!(sink.append(b"1\n"), Err(SinkError::NotReady { .. })));
}

#[test]
fn a_replaced_file_is_refused() {
    let folder = Folder::new();
    let position = folder.run("1\n", false);
    // The old inode stays taken while the copy is made.
    let copy = folder.0.path().join("copy");
    fs::copy(folder.path(), &copy).unwrap();
    fs::rename(&copy, folder.path()).unwrap();
    let error = folder.refuse(Some(&position));
    assert!(matches!(error, SinkError::Replaced { difference: "another device or inode", .. }), "{error}");
}

#[test]
fn changed_content_is_refused() {
    let folder = Folder::new();
    for clean in [true, false] {
        fs::write(folder.path(), "").unwrap();
        let position = folder.run("1\n2\n", clean);
        fs::write(folder.path(), "1\n3\n4\n").unwrap();
        let error = folder.refuse(Some(&position));
        assert!(matches!(error, SinkError::Replaced { difference: "other content", .. }), "{error}");
    }
}

#[test]
fn a_shorter_file_is_refused() {
    let folder = Folder::new();
    let position = folder.run("1\n2\n", false);
    OpenOptions::new().write(true).open(folder.path()).unwrap().set_len(2).unwrap();
    let error = folder.refuse(Some(&position));
    assert!(matches!(error, SinkError::Shorter { length: 2, recorded: 4, .. }), "{error}");
}

#[test]
fn a_file_that_grew_after_a_clean_stop_is_refused() {
    let folder = Folder::new();
    let position = folder.run("1\n", true);
    folder.add("2\n");
    let error = folder.refuse(Some(&position));
    assert!(matches!(error, SinkError::Grew { length: 4, recorded: 2, .. }), "{error}");
}

#[test]
fn a_new_file_that_ends_within_a_line_is_refused() {
    let folder = Folder::new();
    fs::write(folder.path(), "1\n2").unwrap();
    assert!(matches!(folder.refuse(None), SinkError::TornLine { .. }));
}

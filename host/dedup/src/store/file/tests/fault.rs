//! Writes that fail: one clear line, nothing lost, and nothing more until the store is opened again.
//!
//! A limit on the size of files stands in for a full disk. It holds for a whole process, so the test program
//! starts itself again under it.

use std::process::{Command, Output};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::*;

const FOLDER: &str = "ONCEGATE_TEST_FAULT_FOLDER";
const LIMIT: &str = "ONCEGATE_TEST_FAULT_LIMIT";

/// Fills the store with large receipts until a write fails, and says how that went.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let limit = std::env::var(LIMIT).unwrap().parse().ok();
    setrlimit(Resource::Fsize, Rlimit { current: limit, maximum: limit }).unwrap();
    // Nothing is moved from memory to the disk, so that it is the journal that meets the limit.
    let options = FileOptions { memtable_bytes: 1 << 30, ..small() };
    let store = match FileStore::open(Path::new(&folder), Arc::new(SystemClock), options) {
        Ok(store) => store,
        Err(error) => return println!("@open {error}"),
    };
    for i in 0..200 {
        let name = format!("k{i}");
        let granted = first(claim(&store, &name));
        let action = Action::Commit { receipt: Some(vec![i as u8; 1 << 20]), window_ms: WINDOW_MS };
        match store.prepare(&[settlement(&name, granted.fence, action)]).commit(&[]) {
            Ok(()) => println!("@done {name}"),
            Err(error) => {
                println!("@failed {error}");
                println!("@then {:?}", claim(&store, "after"));
                println!("@then {:?}", store.prepare(&[commit("k0", granted.fence)]).outcomes());
                return println!("@then {:?}", store.put_note(b"n", b"v").map_err(|error| error.to_string()));
            }
        }
    }
}

/// What a child said after each `@`, line by line.
fn run(folder: &Path, limit: u64) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    // The signal's default would end the process before the write fails.
    let output: Output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(program)
        .args(["--exact", "store::file::tests::fault::child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(LIMIT, limit.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_once('@')).map(|(_, said)| said.to_owned()).collect()
}

#[test]
fn a_store_that_cannot_be_written_says_so_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    let said = run(&path, 66 << 20);
    let failed =
        said.iter().position(|line| line.starts_with("failed")).unwrap_or_else(|| panic!("{said:?}"));
    let expected = "failed the store did not answer: File too large (os error 27); it has to be opened again";
    assert_eq!(said[failed], expected);
    assert!(failed > 10 && said.len() == failed + 4, "{said:?}");
    assert!(said[failed + 1..].iter().all(|line| line.contains("has to be opened again")), "{said:?}");

    let store = system_store(&path);
    let confirmed = said[..failed].iter().map(|line| line.strip_prefix("done ").unwrap());
    confirmed.for_each(|name| assert!(is_committed(&store, name), "{name}"));
    // What failed may be there or not, but is a claim or a commit in full.
    let last = format!("k{failed}");
    match claim(&store, &last) {
        ClaimOutcome::First(granted) => assert_eq!(granted.host_deaths, 1),
        ClaimOutcome::Committed(committed) => assert_eq!(committed.receipt.unwrap().len(), 1 << 20),
        other => panic!("{last}: {other:?}"),
    }
}

#[test]
fn a_disk_that_is_full_at_once_leaves_nothing_in_the_way_of_the_next_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    for limit in [0, 10, 4096] {
        let said = run(&path, limit);
        assert!(said.len() == 1 && said[0].contains("File too large (os error 27)"), "{said:?}");
    }
    first(claim(&system_store(&path), "k"));
    // The store is there; now it is the open that fails.
    let said = run(&path, 64);
    assert!(said.len() == 1 && said[0].starts_with("open the store at"), "{said:?}");
    assert_eq!(first(claim(&system_store(&path), "k")).host_deaths, 1);
}

fn system_store(path: &Path) -> Arc<FileStore> {
    FileStore::open(path, Arc::new(SystemClock), small()).unwrap()
}

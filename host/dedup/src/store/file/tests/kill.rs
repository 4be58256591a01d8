//! A process is killed at any moment: what it was told is done is done, and no attempt is forgotten.
//!
//! The process is this test program itself, started again with a folder to work in.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::*;

const FOLDER: &str = "ONCEGATE_TEST_KILL_FOLDER";
const ROUNDS: u64 = 10;

fn system_store(path: &Path) -> Arc<FileStore> {
    FileStore::open(path, Arc::new(SystemClock), small()).unwrap()
}

fn done(store: &FileStore) -> u64 {
    let note = store.note(b"done").unwrap();
    note.map_or(0, |note| u64::from_be_bytes(note.try_into().unwrap()))
}

/// Says a line to the parent in one write, so that a kill leaves no half of it.
fn say(word: &str, name: &str) {
    std::io::stdout().write_all(format!("@{word} {name}\n").as_bytes()).unwrap();
}

/// Claims from two threads and settles in groups until it is killed. Every third key fails and is released.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = system_store(Path::new(&folder));
    let round = store.owner;
    let (sender, receiver) = mpsc::sync_channel(256);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (store, sender) = (&store, sender.clone());
            scope.spawn(move || {
                for i in 0.. {
                    let name = format!("{round}-{thread}-{i}");
                    let granted = first(claim(store, &name));
                    say("claimed", &name);
                    sender.send((name, granted.fence, i % 3 == 0)).unwrap();
                }
            });
        }
        settle_groups(&store, &receiver);
    });
}

fn settle_groups(store: &FileStore, receiver: &mpsc::Receiver<(String, Fence, bool)>) {
    let mut total = done(store);
    loop {
        let group: Vec<_> = receiver.recv().into_iter().chain(receiver.try_iter().take(63)).collect();
        let settlements: Vec<_> = group
            .iter()
            .map(|(name, fence, fails)| if *fails { release(name, *fence) } else { commit(name, *fence) })
            .collect();
        total += group.iter().filter(|(.., fails)| !fails).count() as u64;
        let prepared = store.prepare(&settlements);
        assert!(prepared.outcomes().iter().all(|outcome| *outcome == applied()));
        prepared.commit(&[(b"done".to_vec(), total.to_be_bytes().to_vec())]).unwrap();
        group.iter().for_each(|(name, _, fails)| say(if *fails { "released" } else { "committed" }, name));
    }
}

/// Lets a child work for a while, kills it, and gives the last that it said of each key. The while begins
/// with the child's first claim, or when it is started: then it is killed while it opens the store.
fn killed_after(folder: &Path, from_first_claim: bool, pause: Duration) -> HashMap<String, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::file::tests::kill::child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (begun, first_claim) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let words = lines.map_while(Result::ok).filter_map(|line| {
            // The test runner says things of its own, at the beginning of a line.
            let (_, said) = line.split_once('@')?;
            begun.send(()).unwrap_or_default();
            said.split_once(' ').map(|(word, name)| (name.to_owned(), word.to_owned()))
        });
        words.collect::<HashMap<_, _>>()
    });
    if from_first_claim {
        first_claim.recv().unwrap();
    }
    std::thread::sleep(pause);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn committed_records(store: &FileStore) -> u64 {
    let records = store.engine.records_from(&[], Vec::new());
    let is_committed = |bytes: &[u8]| {
        let record = store.find_stored(bytes, 0).map(|found| found.entry(key("k"), 0).record);
        matches!(record, Some(Ok(record)) if record.state == crate::State::Committed)
    };
    records.filter(|pair| is_committed(&pair.as_ref().unwrap().1)).count() as u64
}

#[test]
fn a_killed_process_loses_no_commit_and_forgets_no_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    let (mut committed, mut left_claimed) = (0, 0);
    for round in 0..ROUNDS {
        let mut random = [0; 2];
        getrandom::fill(&mut random).unwrap();
        let pause = Duration::from_micros(u64::from(u16::from_be_bytes(random)) * 6);
        let said = killed_after(&path, round % 3 != 0, pause / if round % 3 == 0 { 4 } else { 1 });
        let store = system_store(&path);
        // The note is as true as the records: they are written together or not at all.
        assert_eq!(done(&store), committed_records(&store), "round {round}");
        for (name, word) in &said {
            match (word.as_str(), claim(&store, name)) {
                ("committed", ClaimOutcome::Committed(_)) => committed += 1,
                ("released", ClaimOutcome::First(granted)) => {
                    assert_eq!((granted.attempts, granted.host_deaths), (2, 0), "{name}");
                }
                ("claimed", ClaimOutcome::First(granted)) => {
                    // It died with its host, or was released and the kill came before the word.
                    let counts = (granted.attempts, granted.host_deaths);
                    assert!(matches!(counts, (1, 1) | (2, 0)), "{name}: {counts:?}");
                    left_claimed += u64::from(granted.host_deaths);
                }
                ("claimed", ClaimOutcome::Committed(_)) => {}
                (word, outcome) => panic!("round {round}: {name} was {word}, and now {outcome:?}"),
            }
        }
    }
    // No empty victory.
    assert!(committed > 100 && left_claimed > 0, "{committed} committed, {left_claimed} left claimed");
}

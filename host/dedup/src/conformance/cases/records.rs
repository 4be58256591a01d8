//! What lies in a store, and for how long.

use std::collections::BTreeSet;

use super::*;
use crate::store::{Page, StoreError};
use crate::{MAX_TEXT_BYTES, Record, State, Unreadable, transition};

pub const ALL: &[(&str, Case)] = &[
    ("row 21: times of nothing and of one millisecond are no error, and not for ever", shortest_times),
    ("row 21: the longest times are no error, and not nothing", longest_times),
    ("row 35: a record that cannot be read is told from an absent one, and left alone", unreadable),
    ("row 35: a value of another type is left alone", other_type),
    ("row 3: a claim that was made to last for ever by hand holds its key no longer", persisted),
    ("row 36: a receipt of any allowed size comes back whole", receipts),
    ("a new process finds the records of the old one", reopened),
    ("a listing shows the records of its namespace, each of them", listing),
];

fn shortest_times(bench: &mut dyn Bench) {
    for ms in [0, 1] {
        let brief = Claim { lease_ms: ms, keep_ms: 0, ..claim(ANN) };
        first(bench, &brief);
        bench.advance(1);
        let ben = first(bench, &claim(BEN));
        assert_eq!(ben.fence.sequence, 1, "its record is gone");
        let gone = [
            Action::Commit { receipt: None, window_ms: ms },
            Action::Release { failed: true, error: String::new(), keep_ms: ms },
            Action::Die { reason: String::new(), origin: Origin::of("s", "1"), window_ms: ms },
        ];
        let mut fence = ben.fence;
        for action in gone {
            assert_eq!(settle(bench, fence, action), APPLIED);
            bench.advance(1);
            assert!(look(bench, &key(b"k")).is_none());
            fence = first(bench, &claim(CAT)).fence;
        }
        block_on(bench.store().forget(&key(b"k"), None, ms)).expect("the store answers");
        bench.advance(1);
        assert!(look(bench, &key(b"k")).is_none());
    }
    // Without a lease the claim is over at once, and remembered.
    first(bench, &Claim { lease_ms: 0, ..claim(ANN) });
    assert_eq!(first(bench, &claim(BEN)).host_deaths, 1);
}

fn longest_times(bench: &mut dyn Bench) {
    const YEARS_MS: u64 = 99 * 365 * 24 * 3_600_000;
    let long = |attempt| Claim { lease_ms: u64::MAX, keep_ms: u64::MAX, ..claim(attempt) };
    let ann = first(bench, &long(ANN));
    assert!(in_flight(bench, &long(BEN)) > YEARS_MS);
    let forever = Action::Release { failed: true, error: String::new(), keep_ms: u64::MAX };
    assert_eq!(settle(bench, ann.fence, forever), APPLIED);
    let ben = first(bench, &Claim { lease_ms: u64::MAX, keep_ms: 0, ..claim(BEN) });
    assert!(in_flight(bench, &claim(CAT)) > YEARS_MS);
    assert_eq!(settle(bench, ben.fence, Action::Commit { receipt: None, window_ms: u64::MAX }), APPLIED);
    assert!(committed(bench, &claim(CAT)).left_ms > YEARS_MS);
    block_on(bench.store().forget(&key(b"k"), None, u64::MAX)).expect("the store answers");
    first(bench, &claim(CAT));
    let lapsed = Claim { key: key(b"l"), lease_ms: 0, keep_ms: u64::MAX, ..claim(ANN) };
    first(bench, &lapsed);
    assert_eq!(first(bench, &Claim { attempt: id(BEN), ..lapsed }).host_deaths, 1);
}

/// Bytes that are no record, each in its way.
fn broken() -> Vec<Vec<u8>> {
    let good = |state| {
        let (_, write) = transition::claim(None, &claim(ANN));
        let record = write.expect("a first claim writes").record;
        Record { state, text: "größer".to_owned(), ..record }.encode()
    };
    let mut all = vec![vec![], vec![1], b"hello".to_vec(), vec![0; 80], vec![2; 3]];
    for state in [State::Claimed, State::Released, State::Committed, State::Dead] {
        let record = good(state);
        let changed = |at: usize, to: u8| {
            let mut record = record.clone();
            record[at] = to;
            record
        };
        all.extend([
            changed(0, 2),
            changed(0, 0),
            changed(1, 0),
            changed(1, 5),
            changed(2, 64 | 4),
            changed(2, 0),
            changed(3, 1),
            changed(60, 200),
            changed(64, b'x'),
            record[..record.len() - 1].to_vec(),
            record[..60].to_vec(),
            [record.as_slice(), b"x"].concat(),
        ]);
        let long = [&record[..60], &1025u16.to_be_bytes(), &[b'x'; MAX_TEXT_BYTES + 1]].concat();
        all.push(long);
        for sequence in [
            b"\xc0\x80".as_slice(),
            b"\xe0\x80\x80",
            b"\xed\xa0\x80",
            b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80",
            b"\xf5\x80\x80\x80",
            b"\x80",
            b"\xc3",
            b"\xe1\x80\xc3\xb6",
        ] {
            let length = (sequence.len() as u16).to_be_bytes();
            all.push([&record[..60], &length, sequence].concat());
        }
    }
    all
}

fn unreadable(bench: &mut dyn Bench) {
    for bytes in broken() {
        let why = Record::decode(&bytes).expect_err("it is broken");
        bench.plant(&key(b"k"), &bytes, KEEP_MS);
        untouched(bench, &why);
    }
}

fn other_type(bench: &mut dyn Bench) {
    if bench.plant_other_type(&key(b"k")) {
        untouched(bench, &Unreadable::OtherType);
    }
}

/// Whatever is asked, the record stays, and its keys with it.
fn untouched(bench: &dyn Bench, why: &Unreadable) {
    for attempt in [ANN, BEN] {
        for alone in [false, true] {
            let asked = Claim { alone, ..claim(attempt) };
            assert_eq!(ask(bench, &asked), ClaimOutcome::Unreadable(why.clone()));
        }
    }
    let fence = Fence { sequence: 1, attempt: id(ANN) };
    for action in [commit(b"r"), release(true), die()] {
        for absent in [Absent::Refuse, Absent::Accept] {
            let mut keys = vec![end(fence, action.clone())];
            assert_eq!(settle_all(bench, keys.clone(), absent), SettleOutcome::Unreadable(why.clone()));
            // Together with a key that could be settled, which then is not.
            keys.insert(0, KeySettle { key: key(b"l"), ..end(fence, action.clone()) });
            settle_all(bench, keys, absent);
            assert!(look(bench, &key(b"l")).is_none());
        }
    }
    for fence in [None, Some(fence)] {
        match block_on(bench.store().forget(&key(b"k"), fence, KEEP_MS)) {
            Err(StoreError::Unreadable(found)) => assert_eq!(&found, why),
            other => panic!("the forget is {other:?}"),
        }
    }
    let entry = look(bench, &key(b"k")).expect("it is there");
    assert_eq!(entry.record.as_ref(), Err(why));
}

fn persisted(bench: &mut dyn Bench) {
    first(bench, &claim(ANN));
    if !bench.persist(&key(b"k")) {
        return;
    }
    assert_eq!(look(bench, &key(b"k")).expect("a record").lease_left_ms(), 0);
    let ben = first(bench, &claim(BEN));
    assert_eq!(ben.host_deaths, 1);
    assert_eq!(settle(bench, ben.fence, commit(b"r")), APPLIED);
    bench.persist(&key(b"k"));
    assert!(committed(bench, &claim(CAT)).left_ms > WINDOW_MS, "a commit may well last");
}

fn receipts(bench: &mut dyn Bench) {
    for (attempt, bytes) in (1..).zip([0, 1, 65_536, 1 << 20]) {
        let name = key(&[attempt]);
        let asked = Claim { key: name.clone(), ..claim(attempt) };
        let fence = first(bench, &asked).fence;
        let receipt: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
        let settled = KeySettle { key: name, ..end(fence, commit(&receipt)) };
        assert_eq!(settle_all(bench, vec![settled], Absent::Refuse), APPLIED);
        assert_eq!(committed(bench, &Claim { attempt: id(99), ..asked }).receipt, Some(receipt));
    }
}

fn reopened(bench: &mut dyn Bench) {
    let of = |name: &[u8], attempt| Claim { key: key(name), ..claim(attempt) };
    let done = first(bench, &of(b"done", ANN)).fence;
    let settled = KeySettle { key: key(b"done"), ..end(done, commit(b"r")) };
    assert_eq!(settle_all(bench, vec![settled], Absent::Refuse), APPLIED);
    let free = first(bench, &of(b"free", ANN)).fence;
    let settled = KeySettle { key: key(b"free"), ..end(free, release(true)) };
    assert_eq!(settle_all(bench, vec![settled], Absent::Refuse), APPLIED);
    first(bench, &of(b"held", ANN));
    let found = bench.reopen();
    if found == super::super::Reopened::NotApplicable {
        return;
    }
    assert_eq!(committed(bench, &of(b"done", BEN)).receipt, Some(b"r".to_vec()));
    assert_eq!(first(bench, &of(b"free", BEN)).attempts, 2, "a crash forgets no attempt");
    if found == super::super::Reopened::ClaimsVoid {
        assert!(look(bench, &key(b"held")).expect("a record").void);
        assert_eq!(first(bench, &of(b"held", BEN)).host_deaths, 1);
    } else {
        in_flight(bench, &of(b"held", BEN));
    }
}

fn listing(bench: &mut dyn Bench) {
    let strange: [&[u8]; 9] = [b"", b"*", b"?x", b"[a]", b"{t}", b"%41", b"a:k:b", b"\0\xff", &[b'l'; 300]];
    let numbers: Vec<[u8; 4]> = (0..200u32).map(u32::to_be_bytes).collect();
    let names = strange.into_iter().chain(numbers.iter().map(<[u8; 4]>::as_slice));
    let mine: BTreeSet<Key> = names.map(key).collect();
    for key in &mine {
        first(bench, &Claim { key: key.clone(), ..claim(ANN) });
    }
    for other in ["case", "cases2", "cases.", "CASES"] {
        let namespace = Namespace::new(other).expect("a namespace");
        first(bench, &Claim { key: Key::new(&namespace, b"k"), ..claim(ANN) });
    }
    let namespace = Namespace::new("cases").expect("a namespace");
    let mut page = Page { namespace, cursor: None, limit: 50 };
    let mut found = BTreeSet::new();
    loop {
        let listing = block_on(bench.store().list(&page)).expect("the store answers");
        for entry in listing.entries {
            assert_eq!(entry.record.expect("readable").state, State::Claimed);
            found.insert(entry.key);
        }
        page.cursor = listing.next;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, mine);
    bench.advance(LEASE_MS + KEEP_MS);
    page.cursor = None;
    assert!(block_on(bench.store().list(&page)).expect("the store answers").entries.is_empty());
}

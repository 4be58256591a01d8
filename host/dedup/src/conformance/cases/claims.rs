//! Who gets a claim.

use super::*;

pub const ALL: &[(&str, Case)] = &[
    ("row 1: of many that ask at once, one is first", one_is_first),
    ("row 8: of many that take an orphan over, one is first", one_takes_over),
    ("row 9, rule 2: a sequence that starts again gives no old fence its claim back", old_fence_stays_old),
    ("row 10, rule 5: whoever asks again owns what it has", asked_again),
    ("row 10: a lost reply hides no death alone", died_alone_again),
    ("rule 1: a restarted twin is somebody else", restarted_twin),
    ("row 20, rule 3: a lease ends by the store's clock", lease_by_the_stores_clock),
    ("rule 4: a lapsed claim stays readable for the keep that it was made with", keeps_differ),
    ("row 31: a crash is counted, apart from failures", crash_is_counted),
    ("rule 6: attempts are counted at the claim and taken back by a deferral", attempts_are_taken_back),
    ("rule 6: a suspect runs alone, and dies if its host dies then, too", suspect),
    ("row 24: namespace and key do not run together", no_running_together),
    ("row 26: the empty key is a key here", empty_key),
    ("row 27, rule 15: another payload is a mismatch once committed, and changes nothing", mismatch),
    (
        "rule 15: against a claim it is in flight, against a released record it takes its place",
        print_binds_late,
    ),
    ("a batch answers in its order, each key by itself", batch),
];

fn one_is_first(bench: &mut dyn Bench) {
    for round in 0..20u8 {
        let racers: Vec<Claim> =
            (1..=8).map(|attempt| Claim { key: key(&[round]), ..claim(attempt) }).collect();
        let outcomes = race(bench, &racers);
        let firsts = outcomes.iter().filter(|outcome| matches!(outcome, ClaimOutcome::First(_))).count();
        let others =
            outcomes.iter().filter(|outcome| matches!(outcome, ClaimOutcome::InFlight { .. })).count();
        assert_eq!((firsts, others), (1, 7), "{outcomes:?}");
        let won = racers.iter().zip(&outcomes).find(|(_, outcome)| matches!(outcome, ClaimOutcome::First(_)));
        let (winner, _) = won.expect("somebody won");
        assert!(matches!(ask(bench, winner), ClaimOutcome::Owned(_)), "the others changed nothing");
    }
}

fn one_takes_over(bench: &mut dyn Bench) {
    for round in 0..20u8 {
        let of = |attempt| Claim { key: key(&[round]), ..claim(attempt) };
        first(bench, &of(100));
        bench.advance(LEASE_MS);
        let outcomes = race(bench, &(1..=8).map(of).collect::<Vec<_>>());
        let firsts = outcomes.iter().filter(|outcome| matches!(outcome, ClaimOutcome::First(_))).count();
        assert_eq!(firsts, 1, "{outcomes:?}");
    }
}

fn old_fence_stays_old(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS + KEEP_MS);
    let ben = first(bench, &claim(BEN));
    assert_eq!(ann.fence.sequence, ben.fence.sequence, "the record was gone, so the sequence starts again");
    for action in [commit(b"a"), release(true), die()] {
        assert_eq!(settle(bench, ann.fence, action), LOST);
    }
    // A released record keeps its sequence: it goes on.
    assert_eq!(settle(bench, ben.fence, release(false)), APPLIED);
    assert_eq!(first(bench, &claim(CAT)).fence.sequence, ben.fence.sequence + 1);
}

fn asked_again(bench: &mut dyn Bench) {
    let granted = first(bench, &claim(ANN));
    assert_eq!(ask(bench, &claim(ANN)), ClaimOutcome::Owned(granted));
    bench.advance(LEASE_MS);
    assert_eq!(ask(bench, &claim(ANN)), ClaimOutcome::Owned(granted), "nobody has taken it");
    let ben = first(bench, &claim(BEN));
    assert_eq!(ask(bench, &claim(BEN)), ClaimOutcome::Owned(ben));
    in_flight(bench, &claim(ANN));
}

fn died_alone_again(bench: &mut dyn Bench) {
    let alone = |attempt| Claim { suspect_after: 0, alone: true, ..claim(attempt) };
    first(bench, &alone(ANN));
    bench.advance(LEASE_MS);
    let granted = first(bench, &alone(BEN));
    assert!(granted.died_alone);
    assert_eq!(ask(bench, &alone(BEN)), ClaimOutcome::Owned(granted));
}

fn restarted_twin(bench: &mut dyn Bench) {
    let zombie = first(bench, &claim(ANN));
    in_flight(bench, &claim(BEN));
    bench.advance(LEASE_MS);
    let twin = first(bench, &claim(BEN));
    assert_eq!(settle(bench, zombie.fence, commit(b"zombie")), LOST);
    assert_eq!(settle(bench, twin.fence, commit(b"twin")), APPLIED);
    assert_eq!(committed(bench, &claim(CAT)).receipt.as_deref(), Some(b"twin".as_slice()));
}

fn lease_by_the_stores_clock(bench: &mut dyn Bench) {
    first(bench, &claim(ANN));
    assert_near(bench, in_flight(bench, &claim(BEN)), LEASE_MS);
    bench.advance(LEASE_MS - MINUTE_MS);
    assert_near(bench, in_flight(bench, &claim(BEN)), MINUTE_MS);
    bench.advance(MINUTE_MS);
    first(bench, &claim(BEN));
}

fn keeps_differ(bench: &mut dyn Bench) {
    let long = Claim { keep_ms: 3 * KEEP_MS, ..claim(ANN) };
    first(bench, &long);
    // Ben's own keep is shorter: were it subtracted, he would see a lease that is far too long.
    assert_near(bench, in_flight(bench, &claim(BEN)), LEASE_MS);
    bench.advance(LEASE_MS + 3 * KEEP_MS - MINUTE_MS);
    let ben = first(bench, &claim(BEN));
    assert_eq!((ben.host_deaths, ben.fence.sequence), (1, 2), "the record was still there");
    bench.advance(LEASE_MS + KEEP_MS);
    assert_eq!(first(bench, &claim(CAT)).host_deaths, 0, "and now it is not");
}

fn crash_is_counted(bench: &mut dyn Bench) {
    let mut deaths = Vec::new();
    for attempt in 1..=4 {
        let granted = first(bench, &claim(attempt));
        assert_eq!(granted.attempts, 1, "a death is no failure of the handler's");
        deaths.push(granted.host_deaths);
        bench.advance(LEASE_MS);
    }
    assert_eq!(deaths, [0, 1, 2, 3]);
}

fn attempts_are_taken_back(bench: &mut dyn Bench) {
    let mut attempts = Vec::new();
    for (attempt, failed) in [(1, true), (2, false), (3, true), (4, false), (5, true)] {
        let granted = first(bench, &claim(attempt));
        attempts.push(granted.attempts);
        assert_eq!(settle(bench, granted.fence, release(failed)), APPLIED);
        // Released again, it takes nothing back a second time.
        assert_eq!(settle(bench, granted.fence, release(failed)), APPLIED);
    }
    assert_eq!(attempts, [1, 2, 2, 3, 3]);
}

fn suspect(bench: &mut dyn Bench) {
    let of = |attempt| Claim { suspect_after: 1, ..claim(attempt) };
    let alone = |attempt| Claim { alone: true, ..of(attempt) };
    for attempt in [ANN, BEN] {
        first(bench, &of(attempt));
        bench.advance(LEASE_MS);
    }
    let before = look(bench, &key(b"k")).map(|entry| entry.record);
    assert_eq!(ask(bench, &of(CAT)), ClaimOutcome::Suspect { host_deaths: 2 });
    assert_eq!(look(bench, &key(b"k")).map(|entry| entry.record), before, "nothing was claimed");
    let granted = first(bench, &alone(CAT));
    assert_eq!((granted.host_deaths, granted.died_alone), (2, false));
    bench.advance(LEASE_MS);
    assert_eq!(ask(bench, &of(4)), ClaimOutcome::Suspect { host_deaths: 3 });
    let granted = first(bench, &alone(4));
    assert_eq!((granted.host_deaths, granted.died_alone), (3, true));
    // Released by an attempt that came through, it stays a suspect: the deaths are remembered.
    assert_eq!(settle(bench, granted.fence, release(false)), APPLIED);
    assert_eq!(ask(bench, &of(5)), ClaimOutcome::Suspect { host_deaths: 3 });
    assert!(!first(bench, &alone(5)).died_alone);
}

fn no_running_together(bench: &mut dyn Bench) {
    let of = |namespace: &str, name: &[u8], attempt| {
        let namespace = Namespace::new(namespace).expect("a namespace");
        Claim { key: Key::new(&namespace, name), ..claim(attempt) }
    };
    let long = [b'x'; 200];
    let pairs: [(&str, &[u8]); 9] = [
        ("a", b"bc"),
        ("ab", b"c"),
        ("abc", b""),
        ("a", b"b:k:c"),
        ("a", b"%41"),
        ("a", b"A"),
        ("a", b"\0"),
        ("a", b"%00"),
        ("a", &long),
    ];
    for (attempt, (namespace, name)) in (1..).zip(pairs) {
        assert_eq!(first(bench, &of(namespace, name, attempt)).fence.sequence, 1, "{namespace} {name:?}");
    }
}

fn empty_key(bench: &mut dyn Bench) {
    let empty = Claim { key: key(b""), ..claim(ANN) };
    first(bench, &empty);
    in_flight(bench, &Claim { attempt: id(BEN), ..empty });
    first(bench, &claim(BEN));
}

fn mismatch(bench: &mut dyn Bench) {
    let granted = first(bench, &claim(ANN));
    assert_eq!(settle(bench, granted.fence, commit(b"r")), APPLIED);
    let other = Claim { fingerprint: Some(print(2)), ..claim(BEN) };
    assert_eq!(ask(bench, &other), ClaimOutcome::Mismatch { stored: print(1) });
    assert_eq!(committed(bench, &claim(BEN)).fingerprint, Some(print(1)), "the commit is as it was");
    // Where one side has no fingerprint, there is nothing to compare.
    assert_eq!(committed(bench, &Claim { fingerprint: None, ..claim(BEN) }).receipt, Some(b"r".to_vec()));
}

fn print_binds_late(bench: &mut dyn Bench) {
    let granted = first(bench, &claim(ANN));
    let other = Claim { fingerprint: Some(print(2)), ..claim(BEN) };
    in_flight(bench, &other);
    assert_eq!(settle(bench, granted.fence, release(true)), APPLIED);
    let granted = first(bench, &other);
    let mut settled = end(granted.fence, commit(b"r"));
    settled.fingerprint = Some(print(2));
    assert_eq!(settle_all(bench, vec![settled], Absent::Refuse), APPLIED);
    assert_eq!(ask(bench, &claim(CAT)), ClaimOutcome::Mismatch { stored: print(2) });
}

fn batch(bench: &mut dyn Bench) {
    let of = |name: &[u8], attempt| Claim { key: key(name), ..claim(attempt) };
    first(bench, &of(b"held", BEN));
    let claims = [of(b"a", ANN), of(b"held", ANN), of(b"a", ANN), of(b"a", BEN), of(b"b", BEN)];
    let outcomes = block_on(bench.store().claim(&claims));
    let [a, held, again, other, b] = <[ClaimOutcome; 5]>::try_from(outcomes).expect("five answers");
    assert!(matches!(a, ClaimOutcome::First(_)), "{a:?}");
    assert!(matches!(held, ClaimOutcome::InFlight { .. }), "{held:?}");
    assert!(matches!(again, ClaimOutcome::Owned(_)), "{again:?}");
    assert!(matches!(other, ClaimOutcome::InFlight { .. }), "{other:?}");
    assert!(matches!(b, ClaimOutcome::First(_)), "{b:?}");
    let many: Vec<Claim> = (0..1000u32).map(|n| of(&n.to_be_bytes(), ANN)).collect();
    let outcomes = block_on(bench.store().claim(&many));
    assert!(outcomes.len() == 1000 && outcomes.iter().all(|o| matches!(o, ClaimOutcome::First(_))));
    assert!(block_on(bench.store().claim(&[])).is_empty());
}

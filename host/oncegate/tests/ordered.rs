//! The ordered settle: fences, outputs, marks, in this order, whatever goes wrong in between.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use oncegate::pipeline::{Item, Plan, Stop};
use oncegate::settle::{Ordered, Outcome, Settle};
use oncegate::summary::End;
use oncegate_broker::{Acked, Acks, Notice, Pending, Sink, SinkError, Ticket};
use oncegate_dedup::store::{
    Claim, ClaimOutcome, Entry, Forgotten, Listing, MemoryStore, Page, SettleOutcome, Settlement, Store,
    StoreError,
};
use oncegate_dedup::{
    Attempt, AttemptId, Clock, Fence, Gate, HandlerEnd, Key, L1Limits, Namespace, Origin, Outage, Policy,
    Sighting, State, SystemClock,
};

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What happened, in order.
type Events = Arc<Mutex<Vec<&'static str>>>;

#[derive(Debug)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(SeqCst)
    }

    fn wall_ms(&self) -> u64 {
        self.now_ms()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        SystemClock.sleep(ms)
    }

    fn attempt_id(&self) -> AttemptId {
        SystemClock.attempt_id()
    }
}

/// A memory store that notes its calls, and does not answer so many settles.
#[derive(Debug)]
struct Noted {
    inner: MemoryStore,
    clock: Arc<TestClock>,
    events: Events,
    /// How long it takes to check fences.
    check_takes_ms: AtomicU64,
    unanswered: AtomicU32,
    /// How many replicas it asks for, and how often too few of them answer.
    replicas: AtomicU32,
    short: AtomicU32,
    epoch: AtomicU64,
    /// A failover happens at the next wait.
    fails_over: AtomicBool,
}

impl Store for Noted {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        self.inner.claim(claims)
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.events.lock().unwrap().push("check");
        let checked = self.inner.check(settlements);
        self.clock.0.fetch_add(self.check_takes_ms.load(SeqCst), SeqCst);
        checked
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.events.lock().unwrap().push("mark");
        if self.unanswered.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            let lost = vec![SettleOutcome::Unavailable("down".into()); settlements.len()];
            return Box::pin(std::future::ready(lost));
        }
        self.inner.settle(settlements)
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        self.inner.get(key)
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.inner.list(page)
    }

    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        self.inner.forget(key, expected, keep_ms)
    }

    fn replicas(&self) -> u32 {
        self.replicas.load(SeqCst)
    }

    fn cache_epoch(&self) -> Option<u64> {
        Some(self.epoch.load(SeqCst))
    }

    fn replicated(&self, _: Option<u64>) -> BoxFuture<'_, Result<(), String>> {
        self.events.lock().unwrap().push("wait");
        if self.fails_over.swap(false, SeqCst) {
            self.epoch.fetch_add(1, SeqCst);
        }
        let short = self.short.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        Box::pin(std::future::ready(if short { Err("0 of 1".into()) } else { Ok(()) }))
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// Keeps lines, notes its calls, and may move the clock when it is flushed.
struct Lines {
    name: &'static str,
    events: Events,
    lines: Arc<Mutex<Vec<u8>>>,
    clock: Arc<TestClock>,
    flush_takes_ms: Arc<AtomicU64>,
    /// So many flushes find nobody there.
    away: Arc<AtomicU32>,
}

/// Notes what is acknowledged, and does not answer so many times.
#[derive(Debug, Default)]
struct NotedAcks {
    events: Events,
    acked: Mutex<Vec<Ticket>>,
    unanswered: AtomicU32,
}

impl Acks for NotedAcks {
    fn acknowledge<'a>(&'a self, tickets: &'a [Ticket]) -> Pending<'a, Vec<Acked>> {
        self.events.lock().unwrap().push("ack");
        let acked = if self.unanswered.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            Acked::Unavailable("down".into())
        } else {
            self.acked.lock().unwrap().extend(tickets);
            Acked::Done
        };
        Box::pin(std::future::ready(vec![acked; tickets.len()]))
    }

    fn ended(&self, _: Ticket) {}

    fn is_lost(&self, _: Ticket) -> bool {
        false
    }

    fn leave(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

impl Sink for Lines {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.events.lock().unwrap().push(self.name);
        self.lines.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>> {
        self.clock.0.fetch_add(self.flush_takes_ms.swap(0, SeqCst), SeqCst);
        let is_away = self.away.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        let away = || SinkError::Unavailable { path: self.name.into(), why: "down".into() };
        Box::pin(std::future::ready(if is_away { Err(away()) } else { Ok(()) }))
    }
}

struct Bench {
    events: Events,
    clock: Arc<TestClock>,
    store: Arc<Noted>,
    gate: Arc<Gate>,
    output: Arc<Mutex<Vec<u8>>>,
    dead: Arc<Mutex<Vec<u8>>>,
    flush_takes_ms: Arc<AtomicU64>,
    away: Arc<AtomicU32>,
    acks: Arc<NotedAcks>,
    stop: Arc<Stop>,
    settle: Ordered,
}

fn bench() -> Bench {
    bench_of(Outage::Closed)
}

fn bench_of(outage: Outage) -> Bench {
    let events = Events::default();
    let clock = Arc::new(TestClock(AtomicU64::new(1_000_000)));
    let inner = MemoryStore::new(clock.clone());
    let store = Arc::new(Noted {
        inner,
        clock: clock.clone(),
        events: events.clone(),
        check_takes_ms: AtomicU64::new(0),
        unanswered: AtomicU32::new(0),
        replicas: AtomicU32::new(0),
        short: AtomicU32::new(0),
        epoch: AtomicU64::new(0),
        fails_over: AtomicBool::new(false),
    });
    let policy = Policy { outage, ..Policy::new(Namespace::new("n").unwrap()) };
    let gate = Gate::new(policy, L1Limits::default(), store.clone(), clock.clone()).unwrap();
    let (output, dead) = (Arc::default(), Arc::default());
    let flush_takes_ms = Arc::new(AtomicU64::new(0));
    let away = Arc::new(AtomicU32::new(0));
    let stop = Arc::new(Stop::default());
    let acks = Arc::new(NotedAcks { events: events.clone(), ..NotedAcks::default() });
    let sink = |name, lines: &Arc<Mutex<Vec<u8>>>| {
        let (events, lines, clock) = (events.clone(), lines.clone(), clock.clone());
        let (flush_takes_ms, away) = (flush_takes_ms.clone(), away.clone());
        Box::new(Lines { name, events, lines, clock, flush_takes_ms, away })
    };
    let (out, letters) = (sink("output", &output), sink("dead letter", &dead));
    let settle = Ordered::new(gate.clone(), out, letters, Some(acks.clone()), stop.clone());
    Bench { events, clock, store, gate, output, dead, flush_takes_ms, away, acks, stop, settle }
}

impl Bench {
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    fn claimed(&self, key: &str) -> Attempt {
        let mut attempt = self.gate.attempt(Origin::of("s", key), None);
        assert_eq!(Self::block_on(attempt.seen(key.as_bytes())), Ok(Sighting::New));
        attempt
    }

    /// An attempt that commits its key and writes a line.
    fn committing(&self, key: &str) -> Item {
        let mut attempt = self.claimed(key);
        attempt.commit(key.as_bytes(), None).unwrap();
        self.item(attempt, HandlerEnd::Ok, End::Applied, &format!("{key}\n"), "")
    }

    /// One whose key another host has taken over since.
    fn taken(&self) -> Item {
        self.taken_by(|_, _| {})
    }

    fn taken_by(&self, then: impl FnOnce(&Gate, Attempt)) -> Item {
        let stale = self.committing("taken");
        let policy = self.gate.policy();
        self.clock.0.fetch_add(policy.lease_ms, SeqCst);
        // That host knows nothing of this one's attempts.
        let other =
            Gate::new(policy.clone(), L1Limits::default(), self.store.clone(), self.clock.clone()).unwrap();
        let mut attempt = other.attempt(Origin::of("s", "m"), None);
        assert_eq!(Self::block_on(attempt.seen(b"taken")), Ok(Sighting::New));
        then(&other, attempt);
        // As if this host had been paused just before its check: its own timer has not told it yet.
        self.clock.0.fetch_sub(policy.lease_ms, SeqCst);
        stale
    }

    fn item(&self, attempt: Attempt, end: HandlerEnd, plan: End, output: &str, dead_letter: &str) -> Item {
        let verdict = attempt.verdict(&end, 0);
        Item {
            task: None,
            ticket: None,
            ending: Some(attempt.end(&verdict)),
            plan: Plan::Finish(plan),
            output: output.into(),
            outputs: u64::from(!output.is_empty()),
            dead_letter: dead_letter.into(),
        }
    }

    fn settle(&mut self, items: &mut [Item]) -> Vec<Outcome> {
        let mut group: Vec<&mut Item> = items.iter_mut().collect();
        Self::block_on(self.settle.settle(&mut group)).unwrap()
    }

    fn written(&self) -> String {
        String::from_utf8(self.output.lock().unwrap().clone()).unwrap()
    }

    fn events(&self) -> Vec<&'static str> {
        self.events.lock().unwrap().clone()
    }

    fn record(&self, key: &str) -> oncegate_dedup::Record {
        let key = Key::new(&self.gate.policy().namespace, key.as_bytes());
        Self::block_on(self.store.inner.get(&key)).unwrap().unwrap().record.unwrap()
    }
}

const APPLIED: Outcome = Outcome::Settled(SettleOutcome::Applied { late: 0 });

fn ticket(number: u64) -> Option<Ticket> {
    Some(Ticket { entry: (number, 0), count: 1 })
}

#[test]
fn fences_come_before_outputs_and_outputs_before_marks() {
    // Rule 12.
    let mut bench = bench();
    let mut items = [bench.committing("k")];
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(bench.events(), ["check", "output", "mark"]);
    assert_eq!(bench.record("k").state, State::Committed);
}

#[test]
fn the_dead_letter_is_written_before_its_key_is_dead() {
    // Row 32.
    let mut bench = bench();
    let attempt = bench.claimed("k");
    let mut items = [bench.item(attempt, HandlerEnd::Rejected("no".into()), End::Rejected, "", "letter\n")];
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(bench.events(), ["check", "dead letter", "mark"]);
    assert_eq!(bench.dead.lock().unwrap().as_slice(), b"letter\n");
    assert_eq!(bench.record("k").state, State::Dead);
}

#[test]
fn a_lost_fence_writes_nothing_and_the_rest_of_the_group_does_not_notice() {
    // Row 5, row 30, rule 10.
    let mut bench = bench();
    let stale = bench.taken();
    let mut items = [bench.committing("a"), stale, bench.committing("b")];
    assert_eq!(
        bench.settle(&mut items),
        [APPLIED, Outcome::Settled(SettleOutcome::Lost { key: 0 }), APPLIED]
    );
    assert_eq!(bench.written(), "a\nb\n");
    assert_eq!(bench.record("taken").state, State::Claimed);
}

#[test]
fn a_key_that_was_let_go_meanwhile_lets_no_output_begin() {
    // A server that failed over forgot the claim, and still has the record that was there before it.
    let mut bench = bench();
    let released = bench.taken_by(|other, attempt| {
        let verdict = attempt.verdict(&HandlerEnd::Failed("no".into()), 0);
        assert_eq!(Bench::block_on(other.settle(attempt.end(&verdict))), SettleOutcome::Applied { late: 0 });
    });
    assert_eq!(bench.record("taken").state, State::Released);
    assert_eq!(bench.settle(&mut [released]), [Outcome::Settled(SettleOutcome::Lost { key: 0 })]);
    assert_eq!(bench.written(), "");
}

#[test]
fn an_attempt_whose_lease_is_nearly_over_begins_no_output_and_uses_up_no_attempt() {
    // Rule 3, row 4.
    let mut bench = bench();
    let mut items = [bench.committing("k")];
    let policy = bench.gate.policy();
    bench.clock.0.fetch_add(policy.lease_ms - policy.margin_ms, SeqCst);
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(items[0].plan, Plan::Redeliver { failed: false, within_ms: None });
    assert_eq!(bench.written(), "");
    let record = bench.record("k");
    assert_eq!((record.state, record.attempts), (State::Released, 0));
}

#[test]
fn a_check_that_is_answered_when_the_lease_is_nearly_over_lets_no_output_begin() {
    // Rule 3: the fence held when the store looked, and may be somebody else's by now.
    let mut bench = bench();
    let mut items = [bench.committing("k")];
    let policy = bench.gate.policy();
    bench.store.check_takes_ms.store(policy.lease_ms - policy.margin_ms, SeqCst);
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(items[0].plan, Plan::Redeliver { failed: false, within_ms: None });
    assert_eq!(bench.written(), "");
    let record = bench.record("k");
    assert_eq!((record.state, record.attempts), (State::Released, 0));
}

#[test]
fn a_store_that_does_not_answer_after_the_outputs_is_asked_until_it_does() {
    // Row 11, rule 12: the marks are repeated, the outputs are not, and the claim is never released.
    let mut bench = bench();
    bench.store.unanswered.store(2, SeqCst);
    let mut items = [bench.committing("k")];
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(bench.events(), ["check", "output", "mark", "mark", "mark"]);
    assert_eq!(bench.written(), "k\n");
    assert_eq!(bench.record("k").state, State::Committed);
}

#[test]
fn in_an_outage_that_is_open_a_store_that_does_not_answer_holds_nothing_up_and_is_told_later() {
    let mut bench = bench_of(Outage::Open);
    bench.store.unanswered.store(1, SeqCst);
    let mut items = [bench.committing("k")];
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!((bench.events(), bench.written()), (vec!["check", "output", "mark"], "k\n".to_owned()));
    assert_eq!(bench.record("k").state, State::Claimed);
    let ending = items[0].ending.take().unwrap();
    assert!(ending.is_unguarded());
    bench.gate.confirm(ending, &SettleOutcome::Applied { late: 0 });

    assert_eq!(bench.settle(&mut [bench.committing("next")]), [APPLIED]);
    assert_eq!(bench.record("k").state, State::Committed);
}

#[test]
fn a_mark_whose_record_is_gone_is_accepted_once_the_output_is_out() {
    // Rule 11: refused, the output that is out would come again with the next delivery.
    let mut bench = bench();
    let mut items = [bench.committing("k")];
    let policy = bench.gate.policy();
    bench.flush_takes_ms.store(policy.lease_ms + policy.keep_ms, SeqCst);
    assert_eq!(bench.settle(&mut items), [Outcome::Settled(SettleOutcome::Applied { late: 1 })]);
    assert_eq!(bench.record("k").state, State::Committed);
}

#[test]
fn a_delivery_without_keys_is_written_and_asks_the_store_nothing() {
    let mut bench = bench();
    let attempt = bench.gate.attempt(Origin::of("s", "m"), None);
    let mut items = [bench.item(attempt, HandlerEnd::Ok, End::Unkeyed, "line\n", "")];
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!((bench.written().as_str(), bench.events()), ("line\n", vec!["output"]));
}

#[test]
fn a_delivery_is_acknowledged_after_its_mark_and_until_somebody_answers() {
    // Design: commit always comes before ack. An ack without an answer is asked for again; nothing else is.
    let mut bench = bench();
    bench.acks.unanswered.store(2, SeqCst);
    let mut items = [bench.committing("k")];
    items[0].ticket = ticket(1);
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(bench.events(), ["check", "output", "mark", "ack", "ack", "ack"]);
    assert_eq!(*bench.acks.acked.lock().unwrap(), [ticket(1).unwrap()]);
}

#[test]
fn what_is_not_applied_or_is_to_come_again_is_not_acknowledged() {
    // Rule 10, row 30.
    let mut bench = bench();
    let stale = bench.taken();
    let failed = bench.claimed("failed");
    let failed = Item {
        plan: Plan::Redeliver { failed: true, within_ms: None },
        ..bench.item(failed, HandlerEnd::Failed("no".into()), End::NoEffect, "", "")
    };
    let mut items = [stale, failed, bench.committing("k")];
    for (number, item) in (1..).zip(&mut items) {
        item.ticket = ticket(number);
    }
    bench.settle(&mut items);
    assert_eq!(*bench.acks.acked.lock().unwrap(), [ticket(3).unwrap()]);
}

#[test]
fn an_output_that_cannot_be_written_now_is_tried_again_before_anything_is_marked() {
    // Rule 12.
    let mut bench = bench();
    bench.away.store(3, SeqCst);
    let mut items = [bench.committing("k")];
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(bench.events(), ["check", "output", "mark"]);
    assert_eq!(bench.record("k").state, State::Committed);
}

#[test]
fn a_claim_whose_output_may_be_out_is_left_to_lapse_and_never_released() {
    // Rule 12: released, somebody else could begin the same output while this one is still on its way.
    let mut bench = bench();
    let policy = bench.gate.policy();
    bench.flush_takes_ms.store(policy.lease_ms - policy.margin_ms, SeqCst);
    bench.away.store(u32::MAX, SeqCst);
    let mut items = [bench.committing("k")];
    items[0].ticket = ticket(1);
    let outcomes = bench.settle(&mut items);
    assert!(matches!(&outcomes[..], [Outcome::Settled(SettleOutcome::Unavailable(_))]), "{outcomes:?}");
    assert_eq!(bench.events(), ["check", "output"]);
    assert_eq!(bench.record("k").state, State::Claimed);
}

#[test]
fn too_few_replicas_hold_back_the_acknowledgement_and_nothing_but_the_wait_is_repeated() {
    // Rule 23.
    let mut bench = bench();
    bench.store.replicas.store(1, SeqCst);
    bench.store.short.store(2, SeqCst);
    let mut items = [bench.committing("k")];
    items[0].ticket = ticket(1);
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(bench.events(), ["check", "output", "mark", "wait", "wait", "wait", "ack"]);
}

#[test]
fn after_a_failover_the_marks_are_made_again_before_replicas_are_counted() {
    // Rule 23: no count of another server's replicas says anything of marks that it never had.
    let mut bench = bench();
    bench.store.replicas.store(1, SeqCst);
    bench.store.short.store(1, SeqCst);
    bench.store.fails_over.store(true, SeqCst);
    let mut items = [bench.committing("k")];
    items[0].ticket = ticket(1);
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert_eq!(bench.events(), ["check", "output", "mark", "wait", "mark", "wait", "ack"]);
}

#[test]
fn a_stop_that_waits_for_replicas_in_vain_acknowledges_nothing() {
    // Rule 23: a failover may still undo the marks, and then the delivery has to come again.
    let mut bench = bench();
    bench.store.replicas.store(1, SeqCst);
    bench.store.short.store(u32::MAX, SeqCst);
    bench.stop.drain();
    let mut items = [bench.committing("k")];
    items[0].ticket = ticket(1);
    assert_eq!(bench.settle(&mut items), [APPLIED]);
    assert!(bench.acks.acked.lock().unwrap().is_empty());
}

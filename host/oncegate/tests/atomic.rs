//! The atomic settle: marks, outputs and acknowledgement are one step of one Redis, whatever goes wrong around it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops")]

use std::sync::Arc;
use std::time::Duration;

use oncegate::pipeline::{Item, Plan, Stop};
use oncegate::settle::{Atomic, Ordered, Outcome, RedisStep, Settle};
use oncegate::summary::End;
use oncegate_broker::{
    Acks, Delivery, Encoder as _, Holding, Output, RedisStreamSink, RedisStreamSource, Source as _,
    SourceOptions, StreamEncoder, StreamUrl, Ticket, Topics,
};
use oncegate_dedup::store::{RedisOptions, RedisStore, RedisStoreOptions, SettleOutcome, Store as _};
use oncegate_dedup::{
    Attempt, Fingerprint, Gate, HandlerEnd, Key, L1Limits, Namespace, Origin, Policy, Sighting, State,
    SystemClock,
};
use oncegate_redis::redis::{self, Connection, FromRedisValue, cmd};
use oncegate_redis::testing::{Cluster, Cut, Proxy, RedisServer, ServerOptions};
use tokio::runtime::{Builder, Runtime};

const HOUR: Duration = Duration::from_secs(3600);
const APPLIED: Outcome = Outcome::Settled(SettleOutcome::Applied { late: 0 });

struct Bench {
    gate: Arc<Gate>,
    store: Arc<RedisStore>,
    source: RedisStreamSource,
    /// What polls source and settle.
    runtime: Runtime,
    settle: Atomic,
    names: Names,
}

/// The streams, with a hash tag or without.
#[derive(Clone, Copy)]
struct Names {
    input: &'static str,
    output: &'static str,
}

const PLAIN: Names = Names { input: "in", output: "out" };

/// Everything at `address`, but the store's own calls through `store_at`.
fn bench_at(address: &str, store_at: &str, names: Names, hash_tag: Option<&str>) -> Bench {
    let options = RedisStoreOptions {
        init: true,
        hash_tag: hash_tag.map(str::to_owned),
        ..RedisStoreOptions::new(RedisOptions::parse(&format!("redis://{store_at}")).unwrap())
    };
    let store = Arc::new(RedisStore::connect(&options).unwrap());
    let policy =
        Policy { lease_ms: 10_000, handler_limit_ms: 1_000, ..Policy::new(Namespace::new("n").unwrap()) };
    let gate = Gate::new(policy, L1Limits::default(), store.clone(), Arc::new(SystemClock)).unwrap();
    let Names { input, output } = names;
    let url: StreamUrl =
        format!("redis-stream://{address}/{}?group=g&start=0", encoded(input)).parse().unwrap();
    let options = SourceOptions { takeover_idle: HOUR, ..SourceOptions::default() };
    let source = RedisStreamSource::open(&url, options).unwrap();
    let sink = || {
        let url = format!("redis-stream://{address}/{}", encoded(output)).parse().unwrap();
        Box::new(RedisStreamSink::open(&url, &Topics::One(output.to_owned())).unwrap())
    };
    let (holding, stop) = (source.holding(), Arc::new(Stop::default()));
    let acks: Arc<dyn Acks> = holding.clone();
    let apart = Ordered::new(gate.clone(), sink(), sink(), Some(acks), stop.clone());
    let step = RedisStep::new(store.clone(), holding);
    let settle = Atomic::new(gate.clone(), Box::new(step), apart, stop);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    Bench { runtime, gate, store, source, settle, names }
}

fn encoded(name: &str) -> String {
    name.replace('{', "%7B").replace('}', "%7D")
}

fn bench(server: &RedisServer) -> Bench {
    bench_at(&server.address(), &server.address(), PLAIN, None)
}

fn say<T: FromRedisValue>(connection: &mut Connection, command: &str) -> T {
    let mut words = command.split(' ');
    let mut cmd = cmd(words.next().unwrap());
    cmd.arg(words.collect::<Vec<_>>()).query(connection).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

impl Bench {
    /// So many entries, read by this host.
    fn tickets(&mut self, connection: &mut Connection, count: usize) -> Vec<Ticket> {
        for _ in 0..count {
            let _: String = say(connection, &format!("XADD {} * payload x", self.names.input));
        }
        let mut tickets = Vec::new();
        while tickets.len() < count {
            for delivery in self.runtime.block_on(self.source.receive(256)).unwrap() {
                let Delivery::Message(message) = delivery else { panic!("{delivery:?}") };
                tickets.extend(message.ticket);
            }
        }
        tickets
    }

    fn holding(&self) -> Arc<Holding> {
        self.source.holding()
    }

    /// An attempt that commits these keys.
    fn attempt(&self, ticket: Ticket, keys: &[&str]) -> Attempt {
        let mut attempt = self.gate.attempt(Origin::of("in", &ticket.entry_id()), None);
        for key in keys {
            assert_eq!(block_on(attempt.seen(key.as_bytes())), Ok(Sighting::New));
            attempt.commit(key.as_bytes(), None).unwrap();
        }
        attempt
    }

    fn item(&self, ticket: Ticket, attempt: Attempt, outputs: &[&str]) -> Item {
        let mut output = Vec::new();
        let encoder = StreamEncoder::new(Topics::One(self.names.output.to_owned()));
        for id in outputs {
            let one = Output { id, topic: "t", key: None, headers: &[], payload: b"effect" };
            encoder.output(&one, &mut output);
        }
        let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
        Item {
            task: None,
            ticket: Some(ticket),
            ending: Some(attempt.end(&verdict)),
            plan: Plan::Finish(End::Applied),
            output,
            outputs: outputs.len() as u64,
            dead_letter: Vec::new(),
        }
    }

    /// An item that commits one key and has one output, both with this name.
    fn effect(&self, ticket: Ticket, key: &str) -> Item {
        self.item(ticket, self.attempt(ticket, &[key]), &[key])
    }

    fn settle(&mut self, items: &mut [Item]) -> Vec<Outcome> {
        let mut group: Vec<&mut Item> = items.iter_mut().collect();
        self.runtime.block_on(self.settle.settle(&mut group)).unwrap()
    }

    fn state(&self, key: &str) -> Option<State> {
        let key = Key::new(&self.gate.policy().namespace, key.as_bytes());
        block_on(self.store.get(&key)).unwrap().map(|entry| entry.record.unwrap().state)
    }
}

/// The ids of the outputs.
fn effects(connection: &mut Connection, stream: &str) -> Vec<String> {
    let entries: Vec<(String, Vec<String>)> = say(connection, &format!("XRANGE {stream} - +"));
    entries.into_iter().map(|(_, fields)| fields[1].clone()).collect()
}

fn pending(connection: &mut Connection, stream: &str) -> usize {
    let rows: Vec<redis::Value> = say(connection, &format!("XPENDING {stream} g - + 1000"));
    rows.len()
}

#[test]
fn marks_outputs_and_acknowledgements_of_a_group_are_there_together() {
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let tickets = bench.tickets(&mut connection, 300);
    let keys: Vec<String> = (0..300).map(|n| format!("k{n}")).collect();
    let mut items: Vec<Item> =
        tickets.iter().zip(&keys).map(|(ticket, key)| bench.effect(*ticket, key)).collect();
    let checks = server.calls("evalsha");
    assert_eq!(bench.settle(&mut items), vec![APPLIED; 300]);
    // A call holds many deliveries.
    assert!(server.calls("evalsha") - checks < 30);
    assert_eq!(effects(&mut connection, "out"), keys);
    assert_eq!(pending(&mut connection, "in"), 0);
    assert!(keys.iter().all(|key| bench.state(key) == Some(State::Committed)));
}

#[test]
fn an_entry_that_another_consumer_has_by_now_is_neither_marked_nor_acknowledged() {
    // Rule 24: XACK would succeed for anybody; and so it would for the same consumer, handed over once more.
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let tickets = bench.tickets(&mut connection, 3);
    let mut items: Vec<Item> =
        ["a", "b", "c"].iter().zip(&tickets).map(|(key, ticket)| bench.effect(*ticket, key)).collect();
    let _: redis::Value = say(&mut connection, &format!("XCLAIM in g other 0 {}", tickets[0].entry_id()));
    let own = bench.holding().consumer().to_owned();
    let _: redis::Value = say(&mut connection, &format!("XCLAIM in g {own} 0 {}", tickets[1].entry_id()));
    assert_eq!(bench.settle(&mut items), [Outcome::TakenOver, Outcome::TakenOver, APPLIED]);
    assert_eq!(effects(&mut connection, "out"), ["c"]);
    assert_eq!(pending(&mut connection, "in"), 2);
    assert_eq!(bench.state("a"), Some(State::Claimed));
}

#[test]
fn a_lost_fence_keeps_its_delivery_from_everything_and_the_others_from_nothing() {
    // Rules 9 and 10: all or nothing, and no delivery affects another.
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let tickets = bench.tickets(&mut connection, 2);
    let both = bench.item(tickets[0], bench.attempt(tickets[0], &["kept", "forgotten"]), &["both"]);
    let other = bench.effect(tickets[1], "other");
    let forgotten = Key::new(&bench.gate.policy().namespace, b"forgotten");
    block_on(bench.store.forget(&forgotten, None, 60_000)).unwrap();
    let lost = Outcome::Settled(SettleOutcome::Lost { key: 1 });
    assert_eq!(bench.settle(&mut [both, other]), [lost, APPLIED]);
    assert_eq!(effects(&mut connection, "out"), ["other"]);
    assert_eq!(bench.state("kept"), Some(State::Claimed));
    assert_eq!(pending(&mut connection, "in"), 1);
}

/// What a failover may have put in the place of a mark.
#[derive(Debug, Clone, Copy)]
enum Instead {
    Nothing,
    Death,
    OtherCommit,
    SameCommit,
}

#[test]
fn a_duplicate_is_acknowledged_only_while_the_very_mark_that_it_was_found_by_is_there() {
    // A failover can forget the mark, and the message that made it, after this delivery was told of it; and on the new
    // primary somebody else can have settled the key by then.
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let cases = [
        None,
        Some(Instead::Nothing),
        Some(Instead::Death),
        Some(Instead::OtherCommit),
        Some(Instead::SameCommit),
    ];
    let tickets = bench.tickets(&mut connection, cases.len());
    let of = |bench: &Bench, payload: &[u8]| {
        bench.gate.attempt(Origin::of("in", "another"), Some(Fingerprint::of(payload)))
    };
    let settled = |bench: &Bench, payload: &[u8], end: HandlerEnd| {
        let mut attempt = of(bench, payload);
        assert_eq!(block_on(attempt.seen(b"k")), Ok(Sighting::New));
        if end == HandlerEnd::Ok {
            attempt.commit(b"k", None).unwrap();
        }
        let verdict = attempt.verdict(&end, 0);
        let outcome = block_on(bench.gate.settle(attempt.end(&verdict)));
        assert_eq!(outcome, SettleOutcome::Applied { late: 0 });
    };
    let forget = |bench: &Bench| {
        let key = Key::new(&bench.gate.policy().namespace, b"k");
        block_on(bench.store.forget(&key, None, 60_000)).unwrap();
    };
    for (instead, ticket) in cases.into_iter().zip(tickets) {
        settled(&bench, b"one", HandlerEnd::Ok);
        let mut attempt = of(&bench, b"one");
        assert_eq!(block_on(attempt.seen(b"k")), Ok(Sighting::Duplicate(None)));
        let duplicate = bench.item(ticket, attempt, &[]);
        if instead.is_some() {
            forget(&bench);
        }
        match instead {
            None | Some(Instead::Nothing) => {}
            Some(Instead::Death) => settled(&bench, b"one", HandlerEnd::Rejected("no".to_owned())),
            Some(Instead::OtherCommit) => settled(&bench, b"two", HandlerEnd::Ok),
            Some(Instead::SameCommit) => settled(&bench, b"one", HandlerEnd::Ok),
        }
        let expected = match instead {
            None | Some(Instead::SameCommit) => APPLIED,
            Some(_) => Outcome::Settled(SettleOutcome::Lost { key: 0 }),
        };
        assert_eq!(bench.settle(&mut [duplicate]), [expected], "{instead:?}");
        forget(&bench);
    }
}

#[test]
fn a_delivery_that_died_is_acknowledged_only_while_the_key_is_dead_with_it() {
    // Rule 14, on a primary that took another one's place.
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let tickets = bench.tickets(&mut connection, 2);
    let die = |bench: &Bench, origin| {
        let mut attempt = bench.gate.attempt(origin, None);
        assert_eq!(block_on(attempt.seen(b"k")), Ok(Sighting::New));
        let verdict = attempt.verdict(&HandlerEnd::Rejected("no".to_owned()), 0);
        block_on(bench.gate.settle(attempt.end(&verdict)));
    };
    let (this, other) = (Origin::of("in", "this"), Origin::of("in", "other"));
    for (in_its_place, ticket) in [(this, tickets[0]), (other, tickets[1])] {
        die(&bench, this);
        let mut again = bench.gate.attempt(this, None);
        block_on(again.seen(b"k")).unwrap_err();
        let again = bench.item(ticket, again, &[]);
        let key = Key::new(&bench.gate.policy().namespace, b"k");
        block_on(bench.store.forget(&key, None, 60_000)).unwrap();
        die(&bench, in_its_place);
        let expected = match in_its_place == this {
            true => APPLIED,
            false => Outcome::Settled(SettleOutcome::Lost { key: 0 }),
        };
        assert_eq!(bench.settle(&mut [again]), [expected]);
        block_on(bench.store.forget(&key, None, 60_000)).unwrap();
    }
}

#[test]
fn a_settle_whose_reply_is_lost_is_done_once_also_where_there_is_no_key() {
    // Rule 9, row 11.
    for cut in [Cut::Request, Cut::Reply] {
        let server = RedisServer::start(ServerOptions::default());
        let proxy = Proxy::to(server.port());
        let mut bench = bench_at(&server.address(), &proxy.address(), PLAIN, None);
        let mut connection = server.connection();
        let tickets = bench.tickets(&mut connection, 3);
        // The server has to know the script: it would not have run it.
        let first = bench.effect(tickets[0], "first");
        assert_eq!(bench.settle(&mut [first]), [APPLIED]);
        let keyed = bench.effect(tickets[1], "k");
        let free = bench.item(tickets[2], bench.attempt(tickets[2], &[]), &["free"]);
        let calls = proxy.calls();
        proxy.cut(cut, 0);
        assert_eq!(bench.settle(&mut [keyed, free]), [APPLIED, APPLIED], "{cut:?}");
        assert_eq!(proxy.calls() - calls, 2, "the one that was cut, and one by which it was asked again");
        assert_eq!(effects(&mut connection, "out"), ["first", "k", "free"], "{cut:?}");
        assert_eq!(pending(&mut connection, "in"), 0);
    }
}

#[test]
fn a_repetition_is_known_although_a_claim_that_was_only_given_up_is_somebody_elses_by_now() {
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let ticket = bench.tickets(&mut connection, 1)[0];
    let mut attempt = bench.attempt(ticket, &["done"]);
    assert_eq!(block_on(attempt.seen(b"given up")), Ok(Sighting::New));
    let mut item = bench.item(ticket, attempt, &["done"]);
    assert_eq!(bench.settle(std::slice::from_mut(&mut item)), [APPLIED]);
    // As another process would: this one's own claim is still waited for in its process.
    let other = bench_at(&server.address(), &server.address(), PLAIN, None);
    other.attempt(ticket, &["given up"]);
    assert_eq!(bench.settle(std::slice::from_mut(&mut item)), [APPLIED]);
    assert_eq!(effects(&mut connection, "out"), ["done"]);
}

#[test]
fn nothing_is_written_where_an_output_cannot_be() {
    // Rule 25: Redis undoes nothing, so every check comes first.
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let ticket = bench.tickets(&mut connection, 1)[0];
    let item = bench.effect(ticket, "k");
    let _: redis::Value = say(&mut connection, "DEL out");
    let _: redis::Value = say(&mut connection, "SET out text");
    let mut items = [item];
    let mut group: Vec<&mut Item> = items.iter_mut().collect();
    let failure = bench.runtime.block_on(bench.settle.settle(&mut group)).unwrap_err().to_string();
    assert!(failure.contains("something else than a stream under out"), "{failure}");
    assert_eq!(bench.state("k"), Some(State::Claimed));
    assert_eq!(pending(&mut connection, "in"), 1);
}

#[test]
fn a_group_that_has_vanished_ends_the_run_and_is_not_made_again() {
    // Rule 28.
    let server = RedisServer::start(ServerOptions::default());
    let (mut bench, mut connection) = (bench(&server), server.connection());
    let ticket = bench.tickets(&mut connection, 1)[0];
    let item = bench.effect(ticket, "k");
    let _: redis::Value = say(&mut connection, "XGROUP DESTROY in g");
    let mut items = [item];
    let mut group: Vec<&mut Item> = items.iter_mut().collect();
    let failure = bench.runtime.block_on(bench.settle.settle(&mut group)).unwrap_err().to_string();
    assert!(failure.contains("NOGROUP"), "{failure}");
    let groups: Vec<redis::Value> = say(&mut connection, "XINFO GROUPS in");
    assert!(groups.is_empty());
    assert_eq!(bench.state("k"), Some(State::Claimed));
}

#[test]
fn in_a_cluster_one_slot_is_one_step_and_several_are_settled_in_order() {
    // Rule 9, and the fallback.
    let cluster = Cluster::start();
    let seeds = cluster.url().trim_start_matches("redis://").to_owned();
    for (names, hash_tag, one_step) in [
        (Names { input: "{t}in", output: "{t}out" }, Some("t"), true),
        (Names { input: "{t}in", output: "{u}out" }, Some("t"), false),
    ] {
        let mut bench = bench_at(&seeds, &seeds, names, hash_tag);
        let mut input = cluster.connection(names.input.as_bytes());
        let mut output = cluster.connection(names.output.as_bytes());
        let _: redis::Value = say(&mut output, &format!("DEL {}", names.output));
        let tickets = bench.tickets(&mut input, 2);
        let key = |n: usize| format!("{n}{}", names.output);
        let checks = cluster_calls(&cluster);
        let mut items = [bench.effect(tickets[0], &key(0)), bench.effect(tickets[1], &key(1))];
        let claimed = cluster_calls(&cluster);
        assert_eq!(bench.settle(&mut items), [APPLIED, APPLIED]);
        assert_eq!(claimed - checks, 2);
        // One call for both; or a check, an append, a mark, an acknowledgement, at least.
        assert_eq!(cluster_calls(&cluster) - claimed == 1, one_step);
        assert_eq!(effects(&mut output, names.output), [key(0), key(1)]);
        assert_eq!(pending(&mut input, names.input), 0);
        assert_eq!(bench.state(&key(1)), Some(State::Committed));
    }
}

fn cluster_calls(cluster: &Cluster) -> u64 {
    cluster.nodes().iter().map(|node| node.calls("evalsha")).sum()
}

//! Everything at once: hosts that die, stand still and are replaced, wires that are cut, and a Redis that restarts.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use oncegate_tests::{Client, Group, Host, Hosts, Ledger, Redis, Wire, send};

/// How long the storm lasts.
const LASTS: Duration = Duration::from_secs(12);

/// How many hosts there are at any time.
const HOSTS: usize = 3;

/// What draws the next fault. Its seed is shown when the test fails.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = RandomState::new().hash_one(0) | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }
}

/// A host, its wires, and whether it stands still.
struct Member {
    host: Host,
    wires: Vec<Wire>,
    stopped: bool,
}

struct Storm {
    redis: Redis,
    store: Option<Redis>,
    client: Client,
    hosts: Hosts,
    members: Vec<Member>,
    /// How often each kind of fault has struck.
    struck: [u32; 5],
    dice: Dice,
}

impl Storm {
    fn of(store: Option<Redis>) -> Self {
        let redis = Redis::start();
        let client = redis.client();
        let hosts = Hosts::on(&redis).set("input.most_held", "16");
        let hosts = match &store {
            Some(store) => hosts.with_store(store),
            None => hosts,
        };
        let mut storm =
            Self { redis, store, client, hosts, members: Vec::new(), struck: [0; 5], dice: Dice::new() };
        (0..HOSTS).for_each(|_| storm.joins());
        storm
    }

    /// One more host.
    fn joins(&mut self) {
        let servers = [&self.redis].into_iter().chain(&self.store);
        let wires: Vec<Wire> = servers.map(|server| Wire::to(server.port())).collect();
        let host = self.hosts.start_through(&wires.iter().collect::<Vec<_>>());
        Group::orders().wait_for(&mut self.client, host.pid());
        self.members.push(Member { host, wires, stopped: false });
    }

    fn strike(&mut self) {
        let (which, fault) = (self.dice.pick(self.members.len()), self.dice.pick(self.struck.len()));
        match fault {
            0 => {
                let mut dead = self.members.swap_remove(which);
                dead.host.kill();
                self.joins();
            }
            1 => {
                let member = &mut self.members[which];
                match member.stopped {
                    true => member.host.go_on(),
                    false => member.host.stop(),
                }
                member.stopped = !member.stopped;
            }
            2 => self.members[which].wires.iter().for_each(Wire::cut),
            3 => {
                let done = self.members.swap_remove(which);
                done.host.go_on();
                done.host.drain();
                self.joins();
            }
            _ => {
                let server = match &mut self.store {
                    Some(store) if self.dice.below(2) == 0 => store,
                    _ => &mut self.redis,
                };
                server.kill();
                server.restart();
            }
        }
        self.struck[fault] += 1;
    }

    /// Everything that is sent in the storm is settled after it. Gives what became of it, and the keys.
    fn passes(mut self) -> (Ledger, Vec<String>) {
        let (began, mut keys, mut round) = (Instant::now(), Vec::new(), 0);
        while began.elapsed() < LASTS || self.struck.contains(&0) {
            round += 1;
            keys.extend(send(&mut self.client, &format!("r{round}-"), 150));
            std::thread::sleep(Duration::from_millis(self.dice.below(400)));
            self.strike();
        }
        for member in &self.members {
            member.host.go_on();
        }
        Group::orders().wait_until_settled(&mut self.client);
        for member in self.members {
            member.host.drain();
        }
        eprintln!("{round} rounds, {} keys, struck {:?}", keys.len(), self.struck);
        (Ledger::read(&mut self.client), keys)
    }
}

#[test]
fn a_storm_loses_and_doubles_nothing_where_settling_is_one_step() {
    let (ledger, keys) = Storm::of(None).passes();
    ledger.is_exact(&keys);
}

#[test]
fn a_storm_loses_nothing_where_settling_is_in_order_and_what_comes_again_has_the_same_id() {
    let (ledger, keys) = Storm::of(Some(Redis::start())).passes();
    ledger.nothing_is_lost(&keys);
    let doubled = ledger.doubled();
    eprintln!("{} outputs came again", doubled.len());
    for id in doubled {
        let mut same = ledger.effects.iter().filter(|effect| effect.id() == id);
        let first = same.next().unwrap();
        assert!(same.all(|effect| effect.fields == first.fields), "the same id for two effects");
    }
}

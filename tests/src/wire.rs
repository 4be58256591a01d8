//! A stretch of wire between one host and its Redis that does something when a certain call goes by.

mod connection;
mod ports;
mod rule;
mod watch;

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use crate::call::{Call, Sources, learn};
use connection::Connection;
use rule::{Action, Rule};

pub use ports::Ports;
pub use rule::{Hits, Moment, Then, Which};
pub use watch::{Sequel, Watch};

/// A wire to a server on this machine.
#[derive(Debug)]
pub struct Wire {
    server: u16,
    port: u16,
    state: Arc<State>,
}

/// What scripts do, by what Redis calls them: the same on every wire. One that somebody has brought to a server is called
/// there by others whose wires never saw its source.
static SOURCES: LazyLock<Mutex<Sources>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    watch: Mutex<Option<Watch>>,
    ports: Ports,
    refused_until: Mutex<Option<Instant>>,
    /// Until when each piece of data is held up, and for how long.
    slow: Mutex<Option<(Instant, Duration)>>,
    open: Mutex<Vec<TcpStream>>,
    /// How many directions of connections are still being read.
    halves: AtomicUsize,
    closed: AtomicBool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rules", self.rules.lock().unwrap().len())
    }
}

impl Wire {
    /// A wire to this port.
    pub fn to(server: u16) -> Self {
        Self::among(server, &Ports::default())
    }

    /// A wire to this port, one of several that a host has: where a server names others, the host hears of their
    /// wires.
    pub fn among(server: u16, ports: &Ports) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { ports: ports.clone(), ..State::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                // A client that comes while nobody is let in sees its connection closed.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server))
                    && !shared.refuses()
                {
                    Connection::new(client, server, &shared).run();
                }
            }
        });
        Self { server, port, state }
    }

    /// Where a host finds it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server at its other end.
    pub fn server(&self) -> u16 {
        self.server
    }

    /// The same URL, through this wire.
    pub fn through(&self, url: &str) -> String {
        url.replace(&format!("127.0.0.1:{}", self.server), &format!("127.0.0.1:{}", self.port))
    }

    /// Makes a rule.
    pub fn rule(
        &self,
        call: Call,
        which: Which,
        moment: Moment,
        action: impl FnMut() -> Then + Send + 'static,
    ) -> Hits {
        self.rule_for(call, |_| true, which, moment, action)
    }

    /// Makes a rule for those calls whose words are such.
    pub fn rule_for(
        &self,
        call: Call,
        condition: impl Fn(&[&[u8]]) -> bool + Send + 'static,
        which: Which,
        moment: Moment,
        action: impl FnMut() -> Then + Send + 'static,
    ) -> Hits {
        let (action, hits): (Action, _) = (Arc::new(Mutex::new(action)), Hits::default());
        let condition = Box::new(condition);
        let rule = Rule { call, condition, moment, which, seen: 0, action, hits: hits.clone() };
        self.state.rules.lock().unwrap().push(rule);
        hits
    }

    /// Lets everything pass that rules were about.
    pub fn forget_rules(&self) {
        self.state.rules.lock().unwrap().clear();
    }

    /// Somebody looks at what goes by from now on.
    pub fn watch(&self, watch: Watch) {
        *self.state.watch.lock().unwrap() = Some(watch);
    }

    /// Counts calls.
    pub fn count(&self, call: Call) -> Hits {
        self.rule(call, Which::Each, Moment::Before, || Then::Pass)
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Cuts all connections and lets nobody in for a while.
    pub fn refuse(&self, how_long: Duration) {
        self.state.refuse(how_long);
    }

    /// For a while, holds each piece of data up for so long.
    pub fn slow(&self, how_long: Duration, each: Duration) {
        *self.state.slow.lock().unwrap() = Some((Instant::now() + how_long, each));
    }

    /// Whether nothing is under way any more, as after the end of its client.
    pub fn is_quiet(&self) -> bool {
        self.state.halves.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        self.state.cut();
        // Wakes the listener, so that it notices.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl State {
    fn refuses(&self) -> bool {
        self.refused_until.lock().unwrap().is_some_and(|until| Instant::now() < until)
    }

    fn refuse(&self, how_long: Duration) {
        *self.refused_until.lock().unwrap() = Some(Instant::now() + how_long);
        self.cut();
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits as long as data is held up.
    fn linger(&self) {
        let slow = *self.slow.lock().unwrap();
        if let Some((until, each)) = slow
            && Instant::now() < until
        {
            std::thread::sleep(each);
        }
    }

    /// Which script it is, and what is to be done at this command, by the rules that are about it.
    fn actions(&self, words: &[&[u8]]) -> (Option<Call>, Vec<(Moment, Action, Hits)>) {
        let mut sources = SOURCES.lock().unwrap();
        learn(words, &mut sources);
        let mut actions = Vec::new();
        for rule in self.rules.lock().unwrap().iter_mut() {
            if !rule.call.is(words, &sources) || !(rule.condition)(words) {
                continue;
            }
            rule.seen += 1;
            if rule.which.is(rule.seen) {
                actions.push((rule.moment, Arc::clone(&rule.action), rule.hits.clone()));
            }
        }
        (Call::of(words, &sources), actions)
    }

    /// Acts. False if the connection is cut.
    fn act(&self, action: &Action, hits: &Hits) -> bool {
        let then = (action.lock().unwrap())();
        if let Then::Refuse(how_long) = then {
            self.refuse(how_long);
        }
        hits.note();
        then == Then::Pass
    }

    /// Tells whoever looks at what goes by.
    fn watched(&self, call: Option<Call>, words: &[&[u8]]) -> Option<Sequel> {
        let watch = self.watch.lock().unwrap().clone()?;
        watch(call, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Redis;
    use crate::wait::until;

    const SCRIPT: &str =
        "-- Claims keys, for a test\nif not KEYS[1] then return 0 end\nreturn redis.call('INCR', KEYS[1])";

    fn through(wire: &Wire) -> redis::Connection {
        let url = format!("redis://127.0.0.1:{}/?protocol=resp3", wire.port);
        redis::Client::open(url).unwrap().get_connection().unwrap()
    }

    fn claim(connection: &mut redis::Connection) -> redis::RedisResult<i64> {
        let digest = redis::Script::new(SCRIPT).get_hash().to_owned();
        redis::cmd("EVALSHA").arg(digest).arg(1).arg("n").query(connection)
    }

    #[test]
    fn a_call_is_known_by_its_script_and_cut_before_or_after_the_server_hears_of_it() {
        let server = Redis::start();
        let wire = Wire::to(server.port());
        let before = wire.rule(Call::Claim, Which::Nth(1), Moment::Before, || Then::Cut);
        let after = wire.rule(Call::Claim, Which::Nth(3), Moment::After, || Then::Cut);
        let other = wire.count(Call::Mark);
        let n = || server.ask::<Option<i64>>(&["GET", "n"]);

        let mut connection = through(&wire);
        redis::cmd("EVAL").arg(SCRIPT).arg(0).exec(&mut connection).unwrap();
        claim(&mut connection).unwrap_err();
        assert_eq!((before.count(), n()), (1, None));
        let mut connection = through(&wire);
        assert_eq!(claim(&mut connection).unwrap(), 1);
        claim(&mut connection).unwrap_err();
        assert_eq!((after.count(), n()), (1, Some(2)));
        assert_eq!(other.count(), 0);

        wire.rule(Call::Command("PING"), Which::Nth(1), Moment::Before, || {
            Then::Refuse(Duration::from_millis(300))
        });
        redis::cmd("PING").exec(&mut through(&wire)).unwrap_err();
        let url = format!("redis://127.0.0.1:{}/", wire.port);
        let refused = |()| redis::Client::open(url.as_str()).unwrap().get_connection().is_err();
        assert!(refused(()), "somebody was let in");
        until("somebody is let in again", || !refused(()));
    }
}

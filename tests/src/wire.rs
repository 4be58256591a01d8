//! A stretch of wire between one host and its Redis that does something when a certain call goes by.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::call::{Call, Sources, learn};
use crate::resp;
use crate::wait::until;

/// When a rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the server hears of the call.
    Before,
    /// When the server has done it, and its client does not know yet.
    After,
}

/// What becomes of the call, or of its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    Pass,
    /// It is lost, and its connection with it.
    Cut,
    /// It is lost with all connections, and nobody is let in for a while.
    Refuse(Duration),
}

type Action = Arc<Mutex<dyn FnMut() -> Then + Send>>;

struct Rule {
    call: Call,
    moment: Moment,
    /// Which calls it is about, counted from 1, when the rule was made.
    which: Which,
    seen: u64,
    action: Action,
    hits: Hits,
}

/// Which calls a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One, counted from 1 from when the rule was made.
    Nth(u64),
    /// Each of the first so many.
    First(u64),
    /// All of them.
    Each,
}

impl Which {
    fn is(self, number: u64) -> bool {
        match self {
            Which::Nth(which) => number == which,
            Which::First(count) => number <= count,
            Which::Each => true,
        }
    }
}

/// How often a rule has acted.
#[derive(Debug, Clone, Default)]
pub struct Hits(Arc<AtomicU64>);

impl Hits {
    /// So often.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until it has acted once.
    pub fn wait(&self, what: &str) {
        until(what, || self.count() > 0);
    }
}

/// A wire to a server on this machine.
#[derive(Debug)]
pub struct Wire {
    server: u16,
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    sources: Mutex<Sources>,
    refused_until: Mutex<Option<Instant>>,
    open: Mutex<Vec<TcpStream>>,
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
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
        let (action, hits): (Action, _) = (Arc::new(Mutex::new(action)), Hits::default());
        let rule = Rule { call, moment, which, seen: 0, action, hits: hits.clone() };
        self.state.rules.lock().unwrap().push(rule);
        hits
    }

    /// Counts calls.
    pub fn count(&self, call: Call) -> Hits {
        self.rule(call, Which::Each, Moment::Before, || Then::Pass)
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.state.cut();
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

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// What is to be done at this command, by the rules that are about it.
    fn actions(&self, words: &[&[u8]]) -> Vec<(Moment, Action, Hits)> {
        let mut sources = self.sources.lock().unwrap();
        learn(words, &mut sources);
        let mut actions = Vec::new();
        for rule in self.rules.lock().unwrap().iter_mut().filter(|rule| rule.call.is(words, &sources)) {
            rule.seen += 1;
            if rule.which.is(rule.seen) {
                actions.push((rule.moment, Arc::clone(&rule.action), rule.hits.clone()));
            }
        }
        actions
    }

    /// Acts. False if the connection is cut.
    fn act(&self, action: &Action, hits: &Hits) -> bool {
        let then = (action.lock().unwrap())();
        if let Then::Refuse(how_long) = then {
            *self.refused_until.lock().unwrap() = Some(Instant::now() + how_long);
            self.cut();
        }
        hits.note();
        then == Then::Pass
    }
}

/// For each command whose reply is to come, what is to be done then.
type Expected = Mutex<VecDeque<Vec<(Action, Hits)>>>;

struct Connection {
    client: TcpStream,
    server: TcpStream,
    state: Arc<State>,
    expected: Arc<Expected>,
}

impl Connection {
    fn new(client: TcpStream, server: TcpStream, state: &Arc<State>) -> Self {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let mut open = state.open.lock().unwrap();
        open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        Self { client, server, state: Arc::clone(state), expected: Arc::default() }
    }

    fn run(self) {
        let back = Self {
            client: self.client.try_clone().unwrap(),
            server: self.server.try_clone().unwrap(),
            state: Arc::clone(&self.state),
            expected: Arc::clone(&self.expected),
        };
        std::thread::spawn(move || self.forth());
        std::thread::spawn(move || back.back());
    }

    fn forth(&self) {
        each_frame(&self.client, &self.server, |command| self.lets_pass(command));
        self.end();
    }

    /// Whether the command reaches the server.
    fn lets_pass(&self, command: &[u8]) -> bool {
        let words = resp::words(command);
        let (mut passes, mut later) = (true, Vec::new());
        for (moment, action, hits) in self.state.actions(&words) {
            match moment {
                Moment::Before => passes &= self.state.act(&action, &hits),
                Moment::After => later.push((action, hits)),
            }
        }
        // Subscriptions are answered by what the server pushes.
        let is_pushed = words.first().is_some_and(|word| word.to_ascii_uppercase().ends_with(b"SUBSCRIBE"));
        if !is_pushed {
            self.expected.lock().unwrap().push_back(later);
        }
        passes
    }

    fn back(&self) {
        let answers = |frame: &[u8]| {
            if matches!(frame[0], b'>' | b'|') {
                return true;
            }
            let actions = self.expected.lock().unwrap().pop_front().unwrap_or_default();
            actions.iter().all(|(action, hits)| self.state.act(action, hits))
        };
        each_frame(&self.server, &self.client, answers);
        self.end();
    }

    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

/// Passes whole frames on, as long as there are any and they may pass.
fn each_frame(mut from: &TcpStream, mut to: &TcpStream, mut passes: impl FnMut(&[u8]) -> bool) {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        let mut at = 0;
        while let Some(length) = resp::frame(&kept[at..]) {
            if !passes(&kept[at..at + length]) || to.write_all(&kept[at..at + length]).is_err() {
                return;
            }
            at += length;
        }
        kept.drain(..at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Redis;

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

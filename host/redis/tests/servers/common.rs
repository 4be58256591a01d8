//! What the tests have in common: a script that is safe to repeat, and traffic that uses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oncegate_redis::redis::{Value, cmd};
use oncegate_redis::{Answer, Part, RedisOptions, Script, Server};

/// Notes an id in the set of each key, and says how many there are. Repeated, it finds its id there.
pub fn script() -> Script {
    Script::new(
        "local sizes = {}
         for i, key in ipairs(KEYS) do
             redis.call('SADD', key, ARGV[i])
             sizes[i] = redis.call('SCARD', key)
         end
         return sizes",
    )
}

/// Asks `script` to note `id` at `key`.
pub fn part(script: &Script, key: &str, id: u64) -> Part {
    let mut part = Part::new(script);
    part.keys.push(key.as_bytes());
    part.args.push_number(id);
    part.answers = 1;
    part
}

/// Options with patience enough for a failover.
pub fn patient(url: &str) -> RedisOptions {
    let mut options = RedisOptions::parse(url).unwrap();
    options.patience = Duration::from_secs(20);
    options
}

/// Connects without a guard.
pub fn connect(options: &RedisOptions, script: &Script) -> Arc<Server> {
    Server::connect(options, std::slice::from_ref(script), None).unwrap()
}

/// Runs a future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The one number that answers.
pub fn number(answer: &Answer) -> i64 {
    match answer.as_deref() {
        Ok([Value::Int(number)]) => *number,
        other => panic!("{other:?}"),
    }
}

/// Waits until `done`.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Calls without end, each repeated until it is answered: what a store does in a fault.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    /// For each key.
    answered: Vec<Arc<AtomicU64>>,
    refused: Arc<AtomicU64>,
    threads: Vec<JoinHandle<(String, u64)>>,
}

impl Traffic {
    /// One thread for each key.
    pub fn start(server: &Arc<Server>, script: &Script, keys: &[&str]) -> Self {
        let (stop, refused) = <(Arc<AtomicBool>, Arc<AtomicU64>)>::default();
        let answered: Vec<Arc<AtomicU64>> = keys.iter().map(|_| Arc::default()).collect();
        let thread = |(key, answered): (&&str, &Arc<AtomicU64>)| {
            let (server, script, key) = (Arc::clone(server), script.clone(), (*key).to_owned());
            let (stop, answered, refused) = (Arc::clone(&stop), Arc::clone(answered), Arc::clone(&refused));
            std::thread::spawn(move || {
                let mut id = 0;
                while !stop.load(Ordering::SeqCst) {
                    match block_on(server.ask(part(&script, &key, id))) {
                        Ok(_) => {
                            id += 1;
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(_) => drop(refused.fetch_add(1, Ordering::SeqCst)),
                    }
                }
                (key, id)
            })
        };
        let threads = keys.iter().zip(&answered).map(thread).collect();
        Self { stop, answered, refused, threads }
    }

    /// How many calls were answered.
    pub fn answered(&self) -> u64 {
        self.answered.iter().map(|answered| answered.load(Ordering::SeqCst)).sum()
    }

    /// How many calls ended without an answer.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    /// Waits for so many more answers.
    pub fn go_on(&self, more: u64) {
        let before = self.answered();
        wait_until("the traffic goes on", || self.answered() >= before + more);
    }

    /// Waits for so many more answers for each key.
    pub fn each_goes_on(&self, more: u64) {
        let now = || self.answered.iter().map(|answered| answered.load(Ordering::SeqCst)).collect::<Vec<_>>();
        let before = now();
        wait_until("each key goes on", || {
            now().iter().zip(&before).all(|(now, before)| *now >= before + more)
        });
    }

    /// Ends it. Each key and how many ids were answered for it, from 0 on.
    pub fn stop(self) -> Vec<(String, u64)> {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

/// The size of the set at `key`.
pub fn noted(connection: &mut oncegate_redis::redis::Connection, key: &str) -> u64 {
    cmd("SCARD").arg(key).query(connection).unwrap()
}

/// The last hundred of so many ids are noted at `key`.
pub fn holds_the_last(connection: &mut oncegate_redis::redis::Connection, key: &str, ids: u64) {
    assert!(ids > 100, "{ids} ids for {key}");
    let mut question = cmd("SMISMEMBER");
    question.arg(key).arg((ids - 100..ids).collect::<Vec<_>>());
    let found: Vec<bool> = question.query(connection).unwrap();
    assert!(found.iter().all(|found| *found), "{key}: {found:?}");
}

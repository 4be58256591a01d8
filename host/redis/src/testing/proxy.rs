//! A stretch of wire that tests can cut, slow down and take away.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::requests::Requests;

/// What happens to a call that is cut. Its connection is gone either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It never reaches the server.
    Request,
    /// The server does it, and its reply is lost.
    Reply,
}

/// Forwards connections to a server, counts the commands in them by name, and cuts one now and then.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    plan: Mutex<Plan>,
    closed: AtomicBool,
}

/// What has come by and what is to happen.
#[derive(Debug, Default)]
struct Plan {
    /// Where connections lead.
    server: u16,
    /// How often each command came by, by its name in capitals.
    counts: HashMap<String, u64>,
    cut: Option<Rule>,
    delay: Duration,
    refuses: bool,
    /// The connections that are open, by their clients' side.
    open: Vec<TcpStream>,
}

/// Which command is cut.
#[derive(Debug, Clone)]
struct Rule {
    name: String,
    what: Cut,
    /// At which count.
    at: u64,
    /// Then every so many, if not 0.
    every: u64,
}

impl Proxy {
    /// A proxy to this port of this machine.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the proxy");
        let port = listener.local_addr().expect("its number").port();
        let plan = Mutex::new(Plan { server, ..Plan::default() });
        let state = Arc::new(State { plan, closed: AtomicBool::new(false) });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                std::thread::spawn(move || forward(client, &state));
            }
        });
        Self { port, state }
    }

    /// A URL that leads through it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Cuts the next call of a script, and then, if `every` is not 0, every so many. Take an odd number: an even
    /// one always meets the same half of a claim and its settlement.
    pub fn cut(&self, what: Cut, every: u64) {
        self.cut_at("EVALSHA", what, every);
    }

    /// Cuts the next command of this name, and then, if `every` is not 0, every so many. Only one name is cut at a
    /// time.
    pub fn cut_at(&self, name: &str, what: Cut, every: u64) {
        let name = name.to_ascii_uppercase();
        let mut plan = self.state.plan();
        let at = plan.counts.get(&name).unwrap_or(&0) + 1;
        plan.cut = Some(Rule { name, what, at, every });
    }

    /// Cuts no more.
    pub fn cut_nothing(&self) {
        self.state.plan().cut = None;
    }

    /// Holds each piece of every reply back for this long.
    pub fn delay(&self, delay: Duration) {
        self.state.plan().delay = delay;
    }

    /// From now on ends new connections as soon as they are made; or not any more.
    pub fn refuse(&self, refuses: bool) {
        self.state.plan().refuses = refuses;
    }

    /// Leads new connections to another server.
    pub fn lead_to(&self, server: u16) {
        self.state.plan().server = server;
    }

    /// Ends all connections that there are.
    pub fn hang_up(&self) {
        for client in self.state.plan().open.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// How many calls of scripts came by.
    pub fn calls(&self) -> u64 {
        self.count("EVALSHA")
    }

    /// How many commands of this name came by.
    pub fn count(&self, name: &str) -> u64 {
        self.state.plan().counts.get(&name.to_ascii_uppercase()).copied().unwrap_or(0)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it notices.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl State {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the commands that a piece of a connection completes, and says what to cut there.
    fn meets_a_cut(&self, names: Vec<String>) -> Option<Cut> {
        let mut plan = self.plan();
        let mut met = None;
        for name in names {
            let count = plan.counts.entry(name.clone()).or_default();
            *count += 1;
            let count = *count;
            let Some(rule) = plan.cut.as_mut().filter(|rule| rule.name == name && count >= rule.at) else {
                continue;
            };
            met = Some(rule.what);
            if rule.every == 0 {
                plan.cut = None;
            } else {
                rule.at = count + rule.every;
            }
        }
        met
    }

    /// Takes note of a connection, unless it is refused.
    fn admit(&self, client: &TcpStream) -> Option<TcpStream> {
        let mut plan = self.plan();
        if plan.refuses {
            return None;
        }
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, plan.server)).ok()?;
        plan.open.retain(|open| open.peer_addr().is_ok());
        plan.open.push(client.try_clone().ok()?);
        Some(server)
    }
}

fn forward(mut client: TcpStream, state: &Arc<State>) {
    let Some(mut server) = state.admit(&client) else { return };
    let (Ok(to_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else { return };
    let mute = Arc::new(AtomicBool::new(false));
    let (muted, shared) = (Arc::clone(&mute), Arc::clone(state));
    let back = std::thread::spawn(move || send_back(from_server, to_client, &muted, &shared));
    let mut requests = Requests::default();
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let piece = &buffer[..count];
        match state.meets_a_cut(requests.completed_by(piece)) {
            Some(Cut::Request) => break,
            Some(Cut::Reply) => mute.store(true, Ordering::SeqCst),
            None => {}
        }
        if server.write_all(piece).is_err() {
            break;
        }
    }
    if !mute.load(Ordering::SeqCst) {
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    }
    let _ = back.join();
}

fn send_back(mut server: TcpStream, mut client: TcpStream, muted: &AtomicBool, state: &State) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        let delay = state.plan().delay;
        std::thread::sleep(delay);
        // The reply that is cut: the server has done what was asked.
        if muted.load(Ordering::SeqCst) || client.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

//! A stretch of wire that tests can cut.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What happens to a call that is cut. Its connection is gone either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It never reaches the server.
    Request,
    /// The server does it, and its reply is lost.
    Reply,
}

/// Forwards connections to a server, counts the script calls in them, and cuts one now and then.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    server: u16,
    calls: AtomicU64,
    /// The number of the call that is cut; 0 for none.
    cut_at: AtomicU64,
    /// Then every so many calls, if not 0.
    cut_every: AtomicU64,
    cut_reply: AtomicBool,
    closed: AtomicBool,
}

impl Proxy {
    /// A proxy to this port of this machine.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the proxy");
        let port = listener.local_addr().expect("its number").port();
        let state = Arc::new(State {
            server,
            calls: AtomicU64::new(0),
            cut_at: AtomicU64::new(0),
            cut_every: AtomicU64::new(0),
            cut_reply: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
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
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Cuts the next call of a script, and then, if `every` is not 0, every so many. Take an odd number: an even
    /// one always meets the same half of a claim and its settlement.
    pub fn cut(&self, what: Cut, every: u64) {
        self.state.cut_reply.store(what == Cut::Reply, Ordering::SeqCst);
        self.state.cut_every.store(every, Ordering::SeqCst);
        self.state.cut_at.store(self.calls() + 1, Ordering::SeqCst);
    }

    /// How many calls of scripts came by.
    pub fn calls(&self) -> u64 {
        self.state.calls.load(Ordering::SeqCst)
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
    /// Counts the calls in a piece of a connection, and says whether to cut there.
    fn meets_a_cut(&self, piece: &[u8]) -> bool {
        let calls = piece.windows(14).filter(|window| *window == b"\r\nEVALSHA\r\n$40").count() as u64;
        let after = self.calls.fetch_add(calls, Ordering::SeqCst) + calls;
        let at = self.cut_at.load(Ordering::SeqCst);
        if at == 0 || after < at || calls == 0 {
            return false;
        }
        let every = self.cut_every.load(Ordering::SeqCst);
        self.cut_at.store(if every == 0 { 0 } else { after + every }, Ordering::SeqCst);
        true
    }
}

fn forward(mut client: TcpStream, state: &State) {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.server)) else { return };
    let (Ok(mut to_client), Ok(mut from_server)) = (client.try_clone(), server.try_clone()) else { return };
    let mute = Arc::new(AtomicBool::new(false));
    let muted = Arc::clone(&mute);
    let back = std::thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            // The reply that is cut: the server has done what was asked.
            if muted.load(Ordering::SeqCst) || to_client.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = from_server.shutdown(Shutdown::Both);
    });
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let piece = &buffer[..count];
        if state.meets_a_cut(piece) {
            if !state.cut_reply.load(Ordering::SeqCst) {
                break;
            }
            mute.store(true, Ordering::SeqCst);
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

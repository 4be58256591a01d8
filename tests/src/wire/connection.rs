//! One connection over a wire: commands forth, replies back, frame by frame.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::State;
use super::rule::{Action, Hits, Moment};
use super::watch::Sequel;
use crate::resp;

/// What is to be done when a command's reply comes, or when none comes any more.
#[derive(Default)]
struct Later {
    actions: Vec<(Action, Hits)>,
    sequel: Option<Sequel>,
    /// Whether the reply names servers.
    names_servers: bool,
}

impl Later {
    fn tell(&mut self, reply: Option<&[u8]>) {
        if let Some(sequel) = self.sequel.take() {
            sequel(reply);
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        self.tell(None);
    }
}

/// Of each command whose reply is to come. None when the connection has ended.
type Expected = Mutex<Option<VecDeque<Later>>>;

pub struct Connection {
    client: TcpStream,
    server: TcpStream,
    state: Arc<State>,
    expected: Arc<Expected>,
}

impl Connection {
    pub fn new(client: TcpStream, server: TcpStream, state: &Arc<State>) -> Self {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let mut open = state.open.lock().unwrap();
        // Those that have ended have nobody at the other end.
        open.retain(|stream| stream.peer_addr().is_ok());
        open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        let expected = Arc::new(Mutex::new(Some(VecDeque::new())));
        Self { client, server, state: Arc::clone(state), expected }
    }

    pub fn run(self) {
        let back = Self {
            client: self.client.try_clone().unwrap(),
            server: self.server.try_clone().unwrap(),
            state: Arc::clone(&self.state),
            expected: Arc::clone(&self.expected),
        };
        self.state.halves.fetch_add(2, Ordering::SeqCst);
        std::thread::spawn(move || self.forth());
        std::thread::spawn(move || back.back());
    }

    fn forth(&self) {
        self.each_frame(&self.client, &self.server, |command| self.lets_pass(command));
        self.end();
        self.state.halves.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether the command reaches the server.
    fn lets_pass(&self, command: &mut [u8]) -> bool {
        let words = resp::words(command);
        let (call, actions) = self.state.actions(&words);
        let mut later = Later::default();
        for (moment, action, hits) in actions {
            match moment {
                Moment::Before if !self.state.act(&action, &hits) => return false,
                Moment::Before => {}
                Moment::After => later.actions.push((action, hits)),
            }
        }
        // Subscriptions are answered by what the server pushes.
        let name = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        if name.ends_with(b"SUBSCRIBE") {
            return true;
        }
        later.names_servers = [&b"CLUSTER"[..], b"SENTINEL"].contains(&name.as_slice());
        match self.expected.lock().unwrap().as_mut() {
            Some(expected) => {
                // Under the lock: whoever ends the connection tells of all that were begun.
                later.sequel = self.state.watched(call, &words);
                expected.push_back(later);
                true
            }
            None => false,
        }
    }

    fn back(&self) {
        self.each_frame(&self.server, &self.client, |reply| self.lets_back(reply));
        self.end();
        // Whoever waits for a reply gets none any more.
        let given_up = self.expected.lock().unwrap().take();
        drop(given_up);
        self.state.halves.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether the reply reaches the client.
    fn lets_back(&self, reply: &mut [u8]) -> bool {
        if matches!(reply[0], b'>' | b'|') {
            return true;
        }
        let next = self.expected.lock().unwrap().as_mut().and_then(VecDeque::pop_front);
        let mut later = next.unwrap_or_default();
        if !later.actions.iter().all(|(action, hits)| self.state.act(action, hits)) {
            return false;
        }
        if later.names_servers || reply.starts_with(b"-MOVED") || reply.starts_with(b"-ASK") {
            self.state.ports.put_in(reply);
        }
        later.tell(Some(reply));
        true
    }

    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    /// Passes whole frames on, as long as there are any and they may pass.
    fn each_frame(
        &self,
        mut from: &TcpStream,
        mut to: &TcpStream,
        mut passes: impl FnMut(&mut [u8]) -> bool,
    ) {
        let (mut kept, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            self.state.linger();
            kept.extend_from_slice(&buffer[..count]);
            let mut at = 0;
            while let Some(length) = resp::frame(&kept[at..]) {
                let frame = &mut kept[at..at + length];
                if !passes(frame) || to.write_all(frame).is_err() {
                    return;
                }
                at += length;
            }
            kept.drain(..at);
        }
    }
}

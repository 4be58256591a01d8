//! Ports for servers of a test's own.

use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;

/// Below the ports that the operating system gives to whoever connects somewhere: a server that is killed and started
/// again has to find its own one free.
const FIRST: u16 = 12_000;

/// How many there are to choose from.
const COUNT: u64 = 20_000;

/// A port that nobody listens on.
pub fn free() -> u16 {
    loop {
        let drawn = RandomState::new().hash_one(std::process::id()) % COUNT;
        let port = FIRST + u16::try_from(drawn).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

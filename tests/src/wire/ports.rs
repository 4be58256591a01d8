//! The ports that servers tell of, and those of the wires to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// How long a port is, in digits. Any other could not be put in the place of one without changing what is around it.
const DIGITS: usize = 5;

/// Which wire stands for which server, as one host is to see it. Shared by all of its wires.
#[derive(Debug, Clone, Default)]
pub struct Ports(Arc<Mutex<HashMap<String, String>>>);

impl Ports {
    /// A server's port is told as this one.
    pub fn add(&self, server: u16, wire: u16) {
        let (server, wire) = (server.to_string(), wire.to_string());
        assert!(server.len() == DIGITS && wire.len() == DIGITS, "{server} and {wire} differ in length");
        self.0.lock().unwrap().insert(server, wire);
    }

    /// Puts the wires' ports in the place of the servers', wherever one stands as a number of its own.
    pub fn put_in(&self, frame: &mut [u8]) {
        let ports = self.0.lock().unwrap();
        if ports.is_empty() {
            return;
        }
        let mut at = 0;
        while at < frame.len() {
            let digits = frame[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == DIGITS
                && let Ok(number) = std::str::from_utf8(&frame[at..at + DIGITS])
                && let Some(wire) = ports.get(number)
            {
                frame[at..at + DIGITS].copy_from_slice(wire.as_bytes());
            }
            at += digits.max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_replaced_where_it_is_a_number_of_its_own() {
        let ports = Ports::default();
        ports.add(12_345, 40_001);
        let told = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            ports.put_in(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(told("-MOVED 7 127.0.0.1:12345\r\n"), "-MOVED 7 127.0.0.1:40001\r\n");
        assert_eq!(told("*2\r\n$5\r\n12345\r\n:12345\r\n"), "*2\r\n$5\r\n40001\r\n:40001\r\n");
        assert_eq!(told(":112345\r\n:12346\r\n"), ":112345\r\n:12346\r\n");
    }
}

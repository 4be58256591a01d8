//! Host and port of a server.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;

/// Host and port. An IPv6 address is kept without brackets and written with them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    host: Arc<str>,
    port: u16,
}

impl Address {
    /// Of a host, without brackets, and a port.
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// A name, or an IP address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Reads `host[:port]`, an IPv6 address in brackets; none for anything else.
    pub fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, behind) = rest.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                match behind.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if behind.is_empty() => (host, None),
                    None => return None,
                }
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || !(text.starts_with('[') || host.chars().all(plain)) {
            return None;
        }
        let port = match port {
            // `parse` alone would take a plus sign, too.
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok()?,
            Some(_) => return None,
            None => default_port,
        };
        (port != 0).then(|| Self::new(host, port))
    }
}

/// Not host and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is host:port, with an IPv6 address in brackets")]
pub struct NoAddress;

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        Self::parse(text, 0).ok_or(NoAddress)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_out_as_it_went_in() {
        for text in ["a:1", "10.0.0.1:6379", "[::1]:65535", "my_host.example-1.org:7000"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!(Address::parse("[fe80::1]", 7).unwrap(), Address::new("fe80::1", 7));
        assert_eq!(Address::parse("h", 7).unwrap().to_string(), "h:7");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "", ":1", "a", "a:", "a:x", "a:+1", "a:0", "a:65536", "a:1:2", "::1", "[::1", "[a]:1", "[::1]1",
            "a b:1", "a%20:1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert!(Address::parse("a:", 7).is_none());
    }
}

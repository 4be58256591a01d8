//! Where a stream is.

use std::fmt;
use std::str::FromStr;

use oncegate_redis::RedisOptions;
use oncegate_redis::text::Escaped;

/// Where a group that is not there yet begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first entry that is in the stream: `0`.
    First,
    /// With the first entry that is appended from then on: `$`.
    Next,
}

impl Start {
    /// As Redis calls it.
    pub(super) fn id(self) -> &'static str {
        match self {
            Start::First => "0",
            Start::Next => "$",
        }
    }
}

/// Where a stream is, as a URL says it:
/// `redis-stream://[user@]host[:port][,more]/STREAM?group=g&start=0`, with `rediss-stream://` over TLS.
///
/// Parameters: `group` and `start` (`0` or `$`) for a source, which needs both; `db`, the database's number; `sentinel`,
/// the primary's name, where the hosts are sentinels; `ca`, a file of certificates that vouch for the server, over TLS.
/// The stream's name may be percent-encoded, and must be where it holds `?`, `#`, `%` or `@`. Printed, it shows neither
/// user nor password.
#[derive(Debug, Clone)]
pub struct StreamUrl {
    /// The server and how patient to be with it.
    pub redis: RedisOptions,
    /// The stream's name, decoded; none if the URL names only a server.
    pub stream: Option<String>,
    /// The group, where the URL names one.
    pub group: Option<String>,
    /// The group's start, where the URL names one.
    pub start: Option<Start>,
}

/// Why a text is no URL of a stream. Nothing of it is shown: a password with a slash in it may pass for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStreamUrl {
    /// Its shape, or that of the server in it.
    #[error(
        "a stream's URL is redis-stream://[user@]host[:port]/STREAM, or rediss-stream:// for TLS, with parameters \
         such as ?group=NAME&start=0"
    )]
    Shape,
    /// The stream's name.
    #[error(
        "the stream's name in the URL is not percent-encoded UTF-8; write ? as %3F, # as %23, % as %25, @ as %40"
    )]
    Name,
    /// A parameter that is not known, not for this scheme, or there twice.
    #[error(
        "the parameters of a stream's URL are group, start, db, sentinel and, with rediss-stream://, ca; each once"
    )]
    Parameter,
    /// The value of `group`.
    #[error("the parameter group of a stream's URL must be a name in percent-encoded UTF-8")]
    Group,
    /// The value of `start`.
    #[error(
        "the parameter start of a stream's URL must be 0 (from the stream's first entry) or $ (from now on)"
    )]
    Start,
    /// The value of `db`.
    #[error("the parameter db of a stream's URL must be a number")]
    Database,
    /// A source needs a stream.
    #[error("the URL of an input stream must name the stream: redis-stream://host/STREAM?group=NAME&start=0")]
    NoStream,
    /// A source needs a group.
    #[error("the URL of an input stream must name the group that reads it: ?group=NAME&start=0")]
    NoGroup,
    /// A source needs a start.
    #[error(
        "the URL of an input stream must say where a new group starts: &start=0 (the stream's first entry) or \
         &start=$ (from now on)"
    )]
    NoStart,
    /// A sink has no group.
    #[error("the URL of an output stream has no group and no start")]
    GroupOfSink,
}

impl StreamUrl {
    /// Whether a text means to be such a URL.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("redis-stream:") || text.starts_with("rediss-stream:")
    }

    /// Stream, group and start, which a source must have.
    pub fn of_source(&self) -> Result<(&str, &str, Start), InvalidStreamUrl> {
        let stream = self.stream.as_deref().ok_or(InvalidStreamUrl::NoStream)?;
        let group = self.group.as_deref().ok_or(InvalidStreamUrl::NoGroup)?;
        Ok((stream, group, self.start.ok_or(InvalidStreamUrl::NoStart)?))
    }

    /// The stream, if it names one. Group and start, which are for a source, it must not have.
    pub fn of_sink(&self) -> Result<Option<&str>, InvalidStreamUrl> {
        match (&self.group, self.start) {
            (None, None) => Ok(self.stream.as_deref()),
            _ => Err(InvalidStreamUrl::GroupOfSink),
        }
    }
}

impl FromStr for StreamUrl {
    type Err = InvalidStreamUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidStreamUrl::Shape)?;
        let tls = match scheme {
            "redis-stream" => false,
            "rediss-stream" => true,
            _ => return Err(InvalidStreamUrl::Shape),
        };
        if rest.contains('#') {
            return Err(InvalidStreamUrl::Shape);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, name) = place.split_once('/').unwrap_or((place, ""));
        // With an @ behind the slash, the slash was part of a password.
        if authority.is_empty() || name.contains('@') {
            return Err(InvalidStreamUrl::Shape);
        }
        let stream = decoded(name).ok_or(InvalidStreamUrl::Name)?;
        let parameters = Parameters::read(query, tls)?;
        let redis = RedisOptions::parse(&parameters.server_url(tls, authority))
            .map_err(|_| InvalidStreamUrl::Shape)?;
        Ok(Self {
            redis,
            stream: Some(stream).filter(|stream| !stream.is_empty()),
            group: parameters.group,
            start: parameters.start,
        })
    }
}

#[derive(Default)]
struct Parameters<'a> {
    group: Option<String>,
    start: Option<Start>,
    db: Option<u32>,
    /// Those of the server, as they stand.
    server: Vec<&'a str>,
}

impl<'a> Parameters<'a> {
    fn read(query: &'a str, tls: bool) -> Result<Self, InvalidStreamUrl> {
        let mut parameters = Self::default();
        let mut met = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(InvalidStreamUrl::Parameter)?;
            if met.contains(&name) {
                return Err(InvalidStreamUrl::Parameter);
            }
            met.push(name);
            match name {
                "group" => {
                    let group = decoded(value).filter(|group| !group.is_empty());
                    parameters.group = Some(group.ok_or(InvalidStreamUrl::Group)?);
                }
                "start" => {
                    parameters.start = Some(match decoded(value).as_deref() {
                        Some("0") => Start::First,
                        Some("$") => Start::Next,
                        _ => return Err(InvalidStreamUrl::Start),
                    });
                }
                "db" => parameters.db = Some(value.parse().map_err(|_| InvalidStreamUrl::Database)?),
                "sentinel" => parameters.server.push(pair),
                "ca" if tls => parameters.server.push(pair),
                _ => return Err(InvalidStreamUrl::Parameter),
            }
        }
        Ok(parameters)
    }

    /// The URL of the server alone.
    fn server_url(&self, tls: bool, authority: &str) -> String {
        let scheme = if tls { "rediss" } else { "redis" };
        let db = self.db.map(|db| format!("/{db}")).unwrap_or_default();
        let mark = if self.server.is_empty() { "" } else { "?" };
        format!("{scheme}://{authority}{db}{mark}{}", self.server.join("&"))
    }
}

/// Percent-encoded UTF-8, decoded; none if it is neither.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, behind) = rest.split_first_chunk::<2>()?;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        let [high, low] = digits.map(digit);
        bytes.push(u8::try_from(high? * 16 + low?).ok()?);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stream {
            Some(stream) => write!(f, "stream {}", Escaped(stream.as_bytes()))?,
            None => f.write_str("streams")?,
        }
        if let Some(group) = &self.group {
            write!(f, " (group {})", Escaped(group.as_bytes()))?;
        }
        write!(f, " at {}", self.redis.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> StreamUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_has_stream_group_and_start() {
        let url =
            parsed("redis-stream://me@10.0.0.1:7000/orders%2Fnew%20%f0%9f%98%80?group=g%26h&start=0&db=3");
        assert_eq!(url.of_source(), Ok(("orders/new 😀", "g&h", Start::First)));
        assert_eq!(url.redis.describe(), "redis at 10.0.0.1:7000 (database 3)");
        assert_eq!(url.to_string(), "stream orders/new 😀 (group g&h) at 10.0.0.1:7000");
        assert_eq!(url.of_sink(), Err(InvalidStreamUrl::GroupOfSink));
        let url = parsed("rediss-stream://h/a/b?ca=/etc/ca.pem&group=g&start=$");
        assert_eq!(url.of_source(), Ok(("a/b", "g", Start::Next)));
        assert_eq!(url.redis.ca_file, Some("/etc/ca.pem".into()));
        assert_eq!(parsed("redis-stream://h/s?start=%24").start, Some(Start::Next));
        let url = parsed("redis-stream://a,b:7/s?sentinel=main");
        assert_eq!(url.to_string(), "stream s at main of sentinels a:26379,b:7");
    }

    #[test]
    fn what_a_source_lacks_is_named() {
        assert_eq!(parsed("redis-stream://h?group=g&start=0").of_source(), Err(InvalidStreamUrl::NoStream));
        assert_eq!(parsed("redis-stream://h/s?start=0").of_source(), Err(InvalidStreamUrl::NoGroup));
        assert_eq!(parsed("redis-stream://h/s?group=g").of_source(), Err(InvalidStreamUrl::NoStart));
    }

    #[test]
    fn a_sink_has_one_stream_or_none() {
        assert_eq!(parsed("redis-stream://h/s").of_sink(), Ok(Some("s")));
        assert_eq!(parsed("redis-stream://h").of_sink(), Ok(None));
        assert_eq!(parsed("redis-stream://h/").of_sink(), Ok(None));
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_shown() {
        use InvalidStreamUrl::{Database, Group, Name, Parameter, Shape, Start};
        for (text, expected) in [
            ("", Shape),
            ("redis://h/s", Shape),
            ("redis-stream:/h/s", Shape),
            ("redis-stream:///s", Shape),
            ("redis-stream://u:12/hunter2@h/s", Shape),
            ("redis-stream://u:hunter2/x@h/s", Shape),
            ("redis-stream://:hunter2@h:70000/s", Shape),
            ("redis-stream://:hunter2@h/s#x", Shape),
            ("redis-stream://:hunter2@h/%ff", Name),
            ("redis-stream://:hunter2@h/%2", Name),
            ("redis-stream://:hunter2@h/%+1", Name),
            ("redis-stream://:hunter2@h/s?hunter2=x", Parameter),
            ("redis-stream://:hunter2@h/s?group", Parameter),
            ("redis-stream://:hunter2@h/s?ca=x", Parameter),
            ("redis-stream://:hunter2@h/s?group=a&group=b", Parameter),
            ("redis-stream://:hunter2@h/s?group=", Group),
            ("redis-stream://:hunter2@h/s?start=1-1", Start),
            ("redis-stream://:hunter2@h/s?db=x", Database),
        ] {
            let error = StreamUrl::from_str(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = parsed("redis-stream://me:hunter2@h/s?group=g&start=0");
        assert!(!format!("{url} {url:?}").contains("hunter2"));
    }
}

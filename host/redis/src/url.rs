//! URLs of a Redis and of what it holds, taken apart with care for the passwords in them.

use std::fmt;

use crate::Secret;
use crate::address::Address;

/// A text that is no URL of a Redis. It is not shown: a password with a slash in it may pass for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a Redis URL is redis://[user@]host[:port][,host[:port]…][/database][?sentinel=NAME], or rediss:// for TLS, \
     then with ?ca=FILE if need be"
)]
pub struct InvalidUrl;

/// Who logs in, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The user, if not the default one.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The hosts as they are written, each with its port if it has one. At least one.
    pub(crate) hosts: Vec<String>,
}

impl Authority {
    /// The hosts with their ports. At least one.
    pub(crate) fn addresses(&self, default_port: u16) -> Result<Vec<Address>, InvalidUrl> {
        self.hosts.iter().map(|host| Address::parse(host, default_port).ok_or(InvalidUrl)).collect()
    }
}

/// `scheme://[user[:password]@]host[:port][,host[:port]…][/segment…][?name=value[&name=value…]]`, taken apart.
///
/// For URLs of what a Redis holds, such as a stream: whoever knows the scheme reads the segments, [takes](Self::take)
/// the parameters that are its own, and hands the rest to [`RedisOptions::from_parts`](crate::RedisOptions::from_parts),
/// which refuses what nobody knows.
///
/// User, password, segments and parameters are percent-decoded; a plus sign is a plus sign. An `@` behind the
/// authority has to be written `%40`: without that, a password with a slash in it would pass for a path.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlParts {
    /// In lower case.
    pub scheme: String,
    /// Who logs in, and where.
    pub authority: Authority,
    /// The segments of the path; one slash alone is none.
    pub path: Vec<String>,
    /// The parameters that nobody has taken yet.
    pub query: Vec<(String, String)>,
}

impl UrlParts {
    /// Takes a URL apart.
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl)?;
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        if scheme.is_empty() || !scheme.bytes().all(known) || rest.contains('#') {
            return Err(InvalidUrl);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if rest.contains('@') {
            return Err(InvalidUrl);
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, query),
            None => (rest, ""),
        };
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            authority: parse_authority(authority)?,
            path: parse_path(path)?,
            query: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(parse_pair)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Takes a parameter out. One that is given twice is refused.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, InvalidUrl> {
        let mut taken = None;
        while let Some(at) = self.query.iter().position(|(given, _)| given == name) {
            if taken.replace(self.query.remove(at).1).is_some() {
                return Err(InvalidUrl);
            }
        }
        Ok(taken)
    }
}

impl fmt::Debug for UrlParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what may be a password in the wrong place.
        f.debug_struct("UrlParts").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

fn parse_authority(text: &str) -> Result<Authority, InvalidUrl> {
    let (login, hosts) = match text.rsplit_once('@') {
        Some((login, hosts)) => (login, hosts),
        None => ("", text),
    };
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(Secret::new(decoded(password)?))),
        None => (login, None),
    };
    let user = Some(decoded(user)?).filter(|user| !user.is_empty());
    let password = password.filter(|password| !password.reveal().is_empty());
    let authority = Authority { user, password, hosts: hosts.split(',').map(str::to_owned).collect() };
    authority.addresses(1)?;
    Ok(authority)
}

fn parse_path(text: &str) -> Result<Vec<String>, InvalidUrl> {
    match text.strip_prefix('/') {
        None | Some("") => Ok(Vec::new()),
        Some(path) => path.split('/').map(decoded).collect(),
    }
}

fn parse_pair(text: &str) -> Result<(String, String), InvalidUrl> {
    let (name, value) = text.split_once('=').ok_or(InvalidUrl)?;
    Ok((decoded(name)?, decoded(value)?))
}

/// The text with `%41` as `A`.
fn decoded(text: &str) -> Result<String, InvalidUrl> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.split_at_checked(2).filter(|_| byte == b'%');
        let escaped = digits.and_then(|(digits, behind)| Some((escaped_byte(digits)?, behind)));
        let (byte, behind) = escaped.unwrap_or((byte, behind));
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8(bytes).map_err(|_| InvalidUrl)
}

fn escaped_byte(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |byte, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some(byte << 4 | u8::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> Vec<String> {
        let parts = UrlParts::parse(url).unwrap();
        parts.authority.addresses(6379).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_url_falls_into_its_parts() {
        let mut parts = UrlParts::parse(
            "Redis-Stream://me:a%2Fb%40c@h1,h2:7000,[::1]:1,[::2]/orders%2fnew/x?group=g%20+1&start=0&db=1",
        )
        .unwrap();
        assert_eq!(parts.scheme, "redis-stream");
        assert_eq!(parts.authority.user.as_deref(), Some("me"));
        assert_eq!(parts.authority.password, Some(Secret::new("a/b@c")));
        assert_eq!(parts.authority.hosts, ["h1", "h2:7000", "[::1]:1", "[::2]"]);
        assert_eq!(parts.path, ["orders/new", "x"]);
        assert_eq!(parts.take("group"), Ok(Some("g +1".to_owned())));
        assert_eq!(parts.take("group"), Ok(None));
        let left: Vec<&str> = parts.query.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(left, ["start", "db"]);
    }

    #[test]
    fn hosts_have_the_port_of_their_kind_unless_they_say_another() {
        assert_eq!(addresses("redis://h1,h2:7000,[::1]"), ["h1:6379", "h2:7000", "[::1]:6379"]);
        // A password may hold what a URL is made of, except for its end.
        assert_eq!(addresses("redis://u:p@ss,:w@h"), ["h:6379"]);
        assert_eq!(addresses("redis://:100%@h"), ["h:6379"]);
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in [
            "",
            "redis",
            "redis:/h",
            "://h",
            "re dis://h",
            "redis://",
            "redis://h,",
            "redis://,h",
            "redis://h?x",
            "redis://h#x",
            "redis://u:12/hunter2@h",
            "redis://u:12?a=hunter2@h",
            "redis://h/%ff",
            "redis://h h",
        ] {
            assert!(UrlParts::parse(url).is_err(), "{url}");
        }
        let mut twice = UrlParts::parse("redis://h?a=1&b=2&a=1").unwrap();
        assert_eq!(twice.take("a"), Err(InvalidUrl));
    }

    #[test]
    fn parts_do_not_show_a_password() {
        let shown = format!("{:?}", UrlParts::parse("redis://hunter2:hunter2@h/hunter2?x=hunter2").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

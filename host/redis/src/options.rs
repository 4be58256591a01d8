//! Where a Redis is and how patient to be with it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, TlsCertificates,
};

use crate::Secret;
use crate::greeting::Unfit;

/// A Redis and how patient to be with it. Never shows a password.
#[derive(Clone)]
pub struct RedisOptions {
    /// The password, as read from the environment. Replaces one in the URL.
    pub password: Option<Secret>,
    /// The certificates (PEM) that vouch for the server, instead of the public ones. With `rediss://` only.
    pub ca_file: Option<PathBuf>,
    /// How long opening a connection may take. Default 1 s.
    pub connect_timeout: Duration,
    /// How long an answer may take. Default 1 s. After it the outcome is unknown, and the store is asked again
    /// over another connection.
    pub reply_timeout: Duration,
    /// How long a call may take with everything. Default 3 s. After it the store is unavailable, and further
    /// calls are told so at once until it can be reached again.
    pub patience: Duration,
    info: ConnectionInfo,
}

/// A text that is no URL of a Redis. It is not shown: a password with a slash in it may pass for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a Redis URL is redis://[user@]host[:port][/database], or rediss:// for TLS with ?ca=FILE if need be"
)]
pub struct InvalidUrl;

impl RedisOptions {
    /// Reads `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS, then with
    /// `?ca=FILE` if the server's certificate is not from a public authority.
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        // What was given is never part of an error: a password with a slash in it may pass for a host.
        let refused = || InvalidUrl;
        let mut url = redis::parse_redis_url(url).ok_or_else(refused)?;
        if !matches!(url.scheme(), "redis" | "rediss") || url.fragment().is_some() {
            return Err(refused());
        }
        let mut ca_file = None;
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "ca" if url.scheme() == "rediss" => ca_file = Some(PathBuf::from(value.as_ref())),
                _ => return Err(refused()),
            }
        }
        url.set_query(None);
        let info = url.into_connection_info().map_err(|_| refused())?;
        let password = info.redis_settings().password().map(Secret::new);
        let settings = tcp_settings(info.tcp_settings().clone());
        Ok(Self {
            password,
            ca_file,
            connect_timeout: Duration::from_secs(1),
            reply_timeout: Duration::from_secs(1),
            patience: Duration::from_secs(3),
            info: info.set_tcp_settings(settings),
        })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.info.addr().to_string()
    }

    fn is_tls(&self) -> bool {
        matches!(self.info.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// What a summary says.
    pub fn describe(&self) -> String {
        let tls = if self.is_tls() { ", TLS" } else { "" };
        format!("redis at {} (database {}{tls})", self.address(), self.info.redis_settings().db())
    }

    /// A client that connects as these options say.
    pub fn client(&self) -> Result<Client, Unfit> {
        let mut settings = self.info.redis_settings().clone().set_lib_name("oncegate", crate_version());
        // What a server says unasked comes over the connection that it concerns.
        settings = settings.set_protocol(ProtocolVersion::RESP3);
        if let Some(password) = &self.password {
            settings = settings.set_password(password.reveal());
        }
        let info = self.info.clone().set_redis_settings(settings);
        let refused = |why: String| Unfit::Refused(why);
        if !self.is_tls() {
            return match &self.ca_file {
                Some(_) => Err(refused("a CA file needs rediss://".to_owned())),
                None => Client::open(info).map_err(|error| refused(error.to_string())),
            };
        }
        // Without a provider of cryptography rustls panics. Another part of the process may have chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root_cert = match &self.ca_file {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                refused(format!("the CA file {} cannot be read: {error}", path.display()))
            })?),
            None => None,
        };
        Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
            .map_err(|error| refused(format!("the CA file cannot be used: {error}")))
    }
}

fn crate_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn tcp_settings(settings: redis::io::tcp::TcpSettings) -> redis::io::tcp::TcpSettings {
    // A claim is one small packet, and its answer is waited for.
    settings.set_nodelay(true)
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("server", &self.describe())
            .field("password", &self.password)
            .field("ca_file", &self.ca_file)
            .field("connect_timeout", &self.connect_timeout)
            .field("reply_timeout", &self.reply_timeout)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read() {
        let options = RedisOptions::parse("redis://10.0.0.1/2").unwrap();
        assert_eq!(options.describe(), "redis at 10.0.0.1:6379 (database 2)");
        let options = RedisOptions::parse("rediss://me@example.org:7000?ca=/etc/ca.pem").unwrap();
        assert_eq!(options.describe(), "redis at example.org:7000 (database 0, TLS)");
        assert_eq!(options.ca_file, Some(PathBuf::from("/etc/ca.pem")));
        assert_eq!(options.info.redis_settings().username(), Some("me"));
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_shown() {
        let wrong = [
            "",
            "redis://",
            "http://hunter2.org",
            "redis://:hunter2@",
            "redis://:hunter2@h/x",
            "redis://:hunter2@h:70000",
            "redis://u:12/hunter2@h",
            "redis://u:hunter2/x@h",
            "redis://:hunter2@h?ca=x",
            "rediss://:hunter2@h?ca=x&cert=y",
            "rediss://:hunter2@h#insecure",
            "redis://:hunter2@h?protocol=resp3",
            "unix:///tmp/hunter2",
        ];
        for url in wrong {
            let error = RedisOptions::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let mut options = RedisOptions::parse("redis://me:hunter2@h").unwrap();
        assert_eq!(options.password, Some(Secret::new("hunter2")));
        assert!(!format!("{options:?} {}", options.describe()).contains("hunter2"));
        options.password = Some(Secret::new("swordfish"));
        assert!(!format!("{options:?} {:?}", options.client().unwrap()).contains("swordfish"));
    }
}

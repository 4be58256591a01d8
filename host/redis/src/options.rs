//! Where a Redis is and how patient to be with it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::Client;

use crate::Secret;
use crate::address::Address;
use crate::greeting::Unfit;
use crate::opener::Opener;
use crate::url::{Authority, InvalidUrl, UrlParts};

/// Where a server listens that is told no port.
const SERVER_PORT: u16 = 6379;

/// Where a sentinel listens that is told no port.
const SENTINEL_PORT: u16 = 26379;

/// A Redis and how patient to be with it. Never shows a password.
#[derive(Clone)]
pub struct RedisOptions {
    /// The password, as read from the environment. Replaces one in the URL.
    pub password: Option<Secret>,
    /// What the sentinels ask for, if they ask for a password. The servers' own one is not shown to them.
    pub sentinel_password: Option<Secret>,
    /// The certificates (PEM) that vouch for the servers, instead of the public ones. With TLS only.
    pub ca_file: Option<PathBuf>,
    /// How long opening a connection may take. Default 1 s.
    pub connect_timeout: Duration,
    /// How long an answer may take. Default 1 s. After it the outcome is unknown, and the store is asked again
    /// over another connection.
    pub reply_timeout: Duration,
    /// How long a call may take with everything. Default 3 s. After it the store is unavailable, and further
    /// calls are told so at once until it can be reached again.
    pub patience: Duration,
    tls: bool,
    user: Option<String>,
    db: u32,
    seeds: Vec<Address>,
    sentinel: Option<String>,
}

impl RedisOptions {
    /// Reads `redis://[user[:password]@]host[:port][,host[:port]…][/database]`, or `rediss://` for TLS, then with
    /// `?ca=FILE` if the servers' certificates are not from a public authority.
    ///
    /// Several hosts are nodes of one Redis Cluster, any of which tells of the others; a cluster is recognised by
    /// itself, by one host, too, and has no database but 0. With `?sentinel=NAME` the hosts are Redis Sentinels
    /// (port 26379 unless they say another) that know where the primary `NAME` is.
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let parts = UrlParts::parse(url)?;
        let tls = match parts.scheme.as_str() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(InvalidUrl),
        };
        let db = match parts.path.as_slice() {
            [] => 0,
            // `parse` alone would take a plus sign, too.
            [db] if db.bytes().all(|b| b.is_ascii_digit()) => db.parse().map_err(|_| InvalidUrl)?,
            _ => return Err(InvalidUrl),
        };
        Self::from_parts(tls, &parts.authority, db, &parts.query)
    }

    /// Of the parts of a URL with a scheme of somebody else's: see [`UrlParts`]. `query` is what is left of the
    /// parameters: `ca` with TLS, `sentinel`. Any other is refused, and so is one that is given twice.
    pub fn from_parts(
        tls: bool,
        authority: &Authority,
        db: u32,
        query: &[(String, String)],
    ) -> Result<Self, InvalidUrl> {
        let (mut ca_file, mut sentinel) = (None, None);
        for (name, value) in query {
            let slot = match name.as_str() {
                "ca" if tls => &mut ca_file,
                "sentinel" if is_sentinel_name(value) => &mut sentinel,
                _ => return Err(InvalidUrl),
            };
            if value.is_empty() || slot.replace(value.clone()).is_some() {
                return Err(InvalidUrl);
            }
        }
        let port = if sentinel.is_some() { SENTINEL_PORT } else { SERVER_PORT };
        Ok(Self {
            password: authority.password.clone(),
            sentinel_password: None,
            ca_file: ca_file.map(PathBuf::from),
            connect_timeout: Duration::from_secs(1),
            reply_timeout: Duration::from_secs(1),
            patience: Duration::from_secs(3),
            tls,
            user: authority.user.clone(),
            db,
            seeds: authority.addresses(port)?,
            sentinel,
        })
    }

    /// Where it was told to look: host and port, several with commas between them, and with sentinels the name
    /// that they know it by.
    pub fn address(&self) -> String {
        let seeds: Vec<String> = self.seeds.iter().map(Address::to_string).collect();
        match &self.sentinel {
            Some(name) => format!("{name} of sentinels {}", seeds.join(",")),
            None => seeds.join(","),
        }
    }

    /// What a summary says.
    pub fn describe(&self) -> String {
        let tls = if self.tls { ", TLS" } else { "" };
        format!("redis at {} (database {}{tls})", self.address(), self.db)
    }

    /// Whether these options lead to the same place in the same way: same hosts in whatever order, same database,
    /// user and sentinels' name, TLS or not. Others may lead there, too: see [`Server::identity`](crate::Server).
    pub fn same_place(&self, other: &Self) -> bool {
        let place = |options: &Self| {
            let seeds: BTreeSet<Address> = options.seeds.iter().cloned().collect();
            (seeds, options.tls, options.db, options.user.clone(), options.sentinel.clone())
        };
        place(self) == place(other)
    }

    /// The number of the database.
    pub fn database(&self) -> u32 {
        self.db
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The hosts that the URL names. At least one.
    pub(crate) fn seeds(&self) -> &[Address] {
        &self.seeds
    }

    /// The name by which the sentinels know the primary, if the hosts are sentinels.
    pub(crate) fn sentinel(&self) -> Option<&str> {
        self.sentinel.as_deref()
    }

    /// A client of the first host that the URL names. [`Server::open`](crate::Server::open) finds the right one
    /// where there are several.
    pub fn client(&self) -> Result<Client, Unfit> {
        let refused = || Unfit::Refused("it has no host".to_owned());
        Opener::new(self)?.client(self.seeds.first().ok_or_else(refused)?)
    }
}

/// Sentinel itself takes letters, digits and `.-_` only.
fn is_sentinel_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("server", &self.describe())
            .field("password", &self.password)
            .field("sentinel_password", &self.sentinel_password)
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
        assert_eq!(options.user(), Some("me"));
        let options = RedisOptions::parse("redis://h1,[::1]:7001,h2:7000/").unwrap();
        assert_eq!(options.describe(), "redis at h1:6379,[::1]:7001,h2:7000 (database 0)");
        let options = RedisOptions::parse("redis://h1,h2:7000/1?sentinel=my-main").unwrap();
        assert_eq!(options.describe(), "redis at my-main of sentinels h1:26379,h2:7000 (database 1)");
    }

    #[test]
    fn a_url_of_somebody_elses_is_read_with_the_same_care() {
        let mut parts =
            UrlParts::parse("rediss-stream://h1,h2/orders?group=g&db=3&sentinel=m&ca=%2Fca.pem").unwrap();
        assert_eq!(parts.take("group"), Ok(Some("g".to_owned())));
        let db = parts.take("db").unwrap().unwrap().parse().unwrap();
        let options = RedisOptions::from_parts(true, &parts.authority, db, &parts.query).unwrap();
        assert_eq!(options.describe(), "redis at m of sentinels h1:26379,h2:26379 (database 3, TLS)");
        assert_eq!(options.ca_file, Some(PathBuf::from("/ca.pem")));
        parts.query.push(("start".to_owned(), "0".to_owned()));
        assert!(RedisOptions::from_parts(true, &parts.authority, db, &parts.query).is_err());
    }

    #[test]
    fn the_same_place_is_the_same_hosts_in_any_order() {
        let read = |url: &str| RedisOptions::parse(url).unwrap();
        assert!(read("redis://a,b:6379").same_place(&read("redis://:pw@b,a:6379/0")));
        for other in ["redis://a", "redis://a,b:1", "redis://a,b/1", "redis://u@a,b", "rediss://a,b"] {
            assert!(!read("redis://a,b").same_place(&read(other)), "{other}");
        }
        let sentinels = |name: &str| read(&format!("redis://a:1,b:1?sentinel={name}"));
        assert!(!sentinels("m").same_place(&read("redis://a:1,b:1")));
        assert!(!sentinels("m").same_place(&sentinels("n")));
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_shown() {
        let wrong = [
            "",
            "redis://",
            "http://hunter2.org",
            "redis://:hunter2@",
            "redis://:hunter2@h/x",
            "redis://:hunter2@h/+1",
            "redis://:hunter2@h/-1",
            "redis://:hunter2@h/1/2",
            "redis://:hunter2@h,",
            "redis://:hunter2@h,i:x",
            "redis://:hunter2@h?sentinel=",
            "redis://:hunter2@h?sentinel=a%20b",
            "redis://:hunter2@h?sentinel=a&sentinel=b",
            "rediss://:hunter2@h?ca=",
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
        options.sentinel_password = Some(Secret::new("hunter2"));
        assert!(!format!("{options:?} {}", options.describe()).contains("hunter2"));
        options.password = Some(Secret::new("swordfish"));
        assert!(!format!("{options:?} {:?}", options.client().unwrap()).contains("swordfish"));
    }
}

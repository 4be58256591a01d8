//! Which store a URL names, and how it is opened.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use oncegate_dedup::Clock;
use oncegate_dedup::store::{
    FileOptions, FileStore, MemoryStore, RedisOptions, RedisStore, RedisStoreOptions, Secret, Store,
};

use crate::config::{real, same_server};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::settle::RedisStep;

/// The environment variable that holds the store's password.
pub const PASSWORD_VARIABLE: &str = "ONCEGATE_REDIS_PASSWORD";

/// Where claims and commits live.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// In this process.
    Memory,
    /// In a folder of this machine.
    File(PathBuf),
    /// On a Redis server. May hold a password: never shown.
    Redis(String),
}

impl FromStr for StoreUrl {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> Result<Self> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("file", path)) if !path.is_empty() => {
                Ok(Self::File(path.strip_prefix("//").unwrap_or(path).into()))
            }
            Some(("redis" | "rediss", rest)) if rest.starts_with("//") => Ok(Self::Redis(url.to_owned())),
            // Of what only might be a scheme nothing is shown: of `user:password@host` it would be the user.
            Some((scheme, rest)) if rest.starts_with("//") && is_scheme(scheme) => bail!(
                "store {scheme}: is not known: a store is memory:, file:PATH, redis://HOST[:PORT][/DB] or rediss://"
            ),
            None if !url.contains('@') => bail!(
                "a store is memory:, file:PATH, redis://HOST[:PORT][/DB] or rediss://; is file:{url} meant?"
            ),
            _ => bail!("a store is memory:, file:PATH, redis://HOST[:PORT][/DB] or rediss://"),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            // What stands before the last @ may be a password; in what is no URL, anything.
            Self::Redis(url) => {
                match (url.split_once("//"), RedisOptions::parse(url), url.rsplit_once('@')) {
                    (Some((scheme, _)), Ok(_), Some((_, host))) => write!(f, "{scheme}//…@{host}"),
                    (Some(_), Ok(_), None) => f.write_str(url),
                    (scheme, ..) => write!(f, "{}//…", scheme.map_or("redis:", |(scheme, _)| scheme)),
                }
            }
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Which store, and how a pipeline wants to work with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Where it is.
    pub url: StoreUrl,
    /// Which certificates a connection trusts.
    pub ca_file: Option<PathBuf>,
    /// The hash tag of all names in it.
    pub hash_tag: Option<String>,
    /// How many replicas must have a commit.
    pub replicas: u32,
    /// How long to wait for them at a time.
    pub replica_timeout_ms: u64,
    /// The longest lease of all that use it.
    pub longest_lease_ms: u64,
}

impl StoreOptions {
    /// The defaults for a store, for whoever claims nothing.
    pub fn of(url: StoreUrl, ca_file: Option<PathBuf>) -> Self {
        let replica_timeout_ms = 1000;
        Self { url, ca_file, hash_tag: None, replicas: 0, replica_timeout_ms, longest_lease_ms: 1 }
    }

    /// Refuses what this store cannot do.
    pub fn validate(&self) -> Result<()> {
        if let Some(tag) = &self.hash_tag
            && (tag.is_empty()
                || tag.len() > 64
                || tag.contains(['{', '}'])
                || !tag.bytes().all(|b| b.is_ascii_graphic()))
        {
            bail!("store.hash_tag takes 1 to 64 visible ASCII characters without braces, not {tag:?}");
        }
        if self.replicas > 0 && self.replica_timeout_ms == 0 {
            bail!(
                "store.replica_timeout is 0: set at least 1ms, or no replica will ever have answered in time"
            );
        }
        if matches!(self.url, StoreUrl::Redis(_)) {
            return Ok(());
        }
        let wants = [("store.replicas", self.replicas > 0), ("store.hash_tag", self.hash_tag.is_some())];
        match wants.into_iter().find(|(_, wanted)| *wanted) {
            Some((setting, _)) => {
                bail!("{setting} is set, and the store {} is no Redis: take it out", self.url)
            }
            None => Ok(()),
        }
    }
}

impl StoreOptions {
    /// Opens the store; `init` begins one on a Redis that has none.
    pub fn open(&self, clock: Arc<dyn Clock>, init: bool) -> Result<Opened, Failure> {
        let plain = |store: Arc<dyn Store>| Opened { store, file: None, redis: None, warnings: Vec::new() };
        match &self.url {
            StoreUrl::Memory => Ok(plain(Arc::new(MemoryStore::new(clock)))),
            StoreUrl::File(path) => {
                let file = FileStore::open(path, clock, FileOptions::default()).or_exit(Exit::Store)?;
                Ok(Opened { file: Some(Arc::clone(&file)), ..plain(file) })
            }
            StoreUrl::Redis(url) => {
                let store = Arc::new(RedisStore::connect(&self.redis(url, init)?).or_exit(Exit::Store)?);
                let warnings = store.warnings();
                Ok(Opened { redis: Some(Arc::clone(&store)), warnings, ..plain(store) })
            }
        }
    }

    /// The same, as a store in a Redis wants to hear it.
    pub(crate) fn redis(&self, url: &str, init: bool) -> Result<RedisStoreOptions, Failure> {
        let mut redis = RedisOptions::parse(url).or_exit(Exit::Usage)?;
        set_password(&mut redis);
        redis.ca_file = self.ca_file.clone().or(redis.ca_file);
        Ok(RedisStoreOptions {
            longest_lease_ms: self.longest_lease_ms,
            hash_tag: self.hash_tag.clone(),
            init,
            scripts: vec![RedisStep::script()],
            replicas: self.replicas,
            replica_timeout: Duration::from_millis(self.replica_timeout_ms),
            ..RedisStoreOptions::new(redis)
        })
    }
}

/// An open store.
#[derive(Debug, Clone)]
pub struct Opened {
    /// As the gate knows it.
    pub store: Arc<dyn Store>,
    /// As the exact settle knows it, if it is the embedded one.
    pub file: Option<Arc<FileStore>>,
    /// As the atomic settle knows it, if it is on a Redis.
    pub redis: Option<Arc<RedisStore>>,
    /// What an operator should know of it.
    pub warnings: Vec<String>,
}

/// The stores of a process: each is opened once, for all pipelines that name it.
#[derive(Debug)]
pub struct Stores {
    clock: Arc<dyn Clock>,
    /// Whether stores are begun where there are none.
    init: bool,
    wanted: Vec<StoreOptions>,
    opened: Vec<(StoreUrl, Opened)>,
}

impl Stores {
    /// For pipelines that want these. `init` begins a store on each Redis that has none.
    pub fn new(wanted: impl IntoIterator<Item = StoreOptions>, clock: Arc<dyn Clock>, init: bool) -> Self {
        Self { clock, init, wanted: wanted.into_iter().collect(), opened: Vec::new() }
    }

    /// Opens a store, unless that is done already, as one that serves all who want it. Its warnings are given
    /// once.
    pub fn open(&mut self, options: &StoreOptions) -> Result<Opened, Failure> {
        if let Some((_, opened)) = self.opened.iter().find(|(url, _)| url.is_same_place(&options.url)) {
            return Ok(Opened { warnings: Vec::new(), ..opened.clone() });
        }
        let options = self.for_all(options);
        let opened = options.open(Arc::clone(&self.clock), self.init)?;
        self.opened.push((options.url, opened.clone()));
        Ok(opened)
    }

    /// The options of one pipeline, so that they serve all that have the same store: what a new epoch has to wait
    /// for is the longest lease of any of them.
    fn for_all(&self, options: &StoreOptions) -> StoreOptions {
        let same = self.wanted.iter().filter(|wanted| wanted.url.is_same_place(&options.url));
        let longest_lease_ms = same.map(|wanted| wanted.longest_lease_ms).max().unwrap_or(0);
        StoreOptions { longest_lease_ms: longest_lease_ms.max(options.longest_lease_ms), ..options.clone() }
    }
}

impl StoreUrl {
    /// Whether both name one store, as far as that can be told without asking it.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(path), Self::File(other)) => real(path) == real(other),
            (Self::Redis(url), Self::Redis(other)) => {
                match (RedisOptions::parse(url), RedisOptions::parse(other)) {
                    (Ok(one), Ok(other)) => same_server(&one, &other),
                    _ => url == other,
                }
            }
            _ => self == other,
        }
    }

    /// Whether it is on that Redis.
    pub fn is_on(&self, server: &RedisOptions) -> bool {
        match self {
            Self::Redis(url) => RedisOptions::parse(url).is_ok_and(|own| same_server(&own, server)),
            _ => false,
        }
    }
}

/// The password comes from the environment, or from the URL.
pub fn set_password(options: &mut RedisOptions) {
    options.password = password().map(Secret::new).or(options.password.take());
}

fn password() -> Option<String> {
    std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_its_scheme_and_a_password_is_never_shown() {
        assert_eq!("memory:".parse::<StoreUrl>().unwrap(), StoreUrl::Memory);
        assert_eq!("file:a/b".parse::<StoreUrl>().unwrap(), StoreUrl::File("a/b".into()));
        assert_eq!("file:///a/b".parse::<StoreUrl>().unwrap(), StoreUrl::File("/a/b".into()));
        let redis = "rediss://user:p@ss@host:1/2".parse::<StoreUrl>().unwrap();
        assert_eq!(redis.to_string(), "rediss://…@host:1/2");
        assert!(!format!("{redis:?}").contains("p@ss"));
        for bad in ["gate.db", "file:", "memory", "redis:host", "http://x", ""] {
            assert!(bad.parse::<StoreUrl>().is_err(), "{bad}");
        }
        for bad in
            ["u:hunter2@h", "hunter2@h", "hunter2:x", "//u:hunter2@h", "hunter2@h:1//x", "x://:hunter2@h"]
        {
            assert!(!format!("{:#}", bad.parse::<StoreUrl>().unwrap_err()).contains("hunter2"), "{bad}");
        }
        for bad in
            ["redis://h?password=hunter2", "redis://u:1/hunter2@h", "rediss://h#hunter2", "redis://hunter2 h"]
        {
            let url = bad.parse::<StoreUrl>().unwrap();
            assert!(!format!("{url} {url:?}").contains("hunter2"), "{bad}");
        }
    }

    fn options(url: &str, longest_lease_ms: u64) -> StoreOptions {
        StoreOptions { longest_lease_ms, ..StoreOptions::of(url.parse().unwrap(), None) }
    }

    #[test]
    fn a_store_is_opened_once_for_all_that_name_it_and_with_the_longest_lease() {
        let folder = tempfile::tempdir().unwrap();
        let name = |file: &str| format!("file:{}", folder.path().join(file).display());
        let wanted = [
            options(&name("a"), 60_000),
            options(&name("./a"), 90_000),
            options(&name("b"), 120_000),
            options("memory:", 1),
        ];
        let mut stores = Stores::new(wanted.clone(), Arc::new(oncegate_dedup::SystemClock), false);
        assert_eq!(stores.for_all(&wanted[0]).longest_lease_ms, 90_000);
        assert_eq!(stores.for_all(&wanted[2]).longest_lease_ms, 120_000);
        let opened: Vec<Opened> = wanted.iter().map(|wanted| stores.open(wanted).unwrap()).collect();
        // Opened twice, an embedded store would find itself locked.
        assert!(Arc::ptr_eq(&opened[0].store, &opened[1].store));
        assert!(!Arc::ptr_eq(&opened[0].store, &opened[2].store));
        assert!(opened[3].file.is_none());
    }

    #[test]
    fn the_same_place_may_be_written_in_several_ways() {
        let same =
            |one: &str, other: &str| one.parse::<StoreUrl>().unwrap().is_same_place(&other.parse().unwrap());
        assert!(same("redis://h", "redis://h:6379/0"));
        assert!(same("redis://h,i", "redis://i,h"));
        assert!(same("memory:", "memory:"));
        for other in ["redis://i", "redis://h/1", "rediss://h", "memory:", "file:h"] {
            assert!(!same("redis://h", other), "{other}");
        }
    }
}

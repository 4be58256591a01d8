//! Which servers the Redis store works with, what it warns about, and that it never shows a password.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use oncegate_dedup::conformance::{RedisServer, ServerOptions, block_on, new_store};
use oncegate_dedup::store::{Claim, ClaimOutcome, RedisOptions, RedisStore, Secret, Store as _, StoreError};
use oncegate_dedup::{AttemptId, Key, Namespace};
use oncegate_redis::redis;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

fn claim() -> Claim {
    Claim {
        key: Key::new(&Namespace::new("servers").unwrap(), b"k"),
        attempt: AttemptId::from_bytes([1; 16]),
        fingerprint: None,
        lease_ms: 60_000,
        keep_ms: 60_000,
        suspect_after: 20,
        alone: false,
    }
}

fn works(store: &RedisStore) {
    let outcome = block_on(store.claim(&[claim()])).pop();
    assert!(matches!(outcome, Some(ClaimOutcome::First(_) | ClaimOutcome::Owned(_))), "{outcome:?}");
}

fn with(settings: &[&str]) -> RedisServer {
    let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
    RedisServer::start(ServerOptions { settings, ..ServerOptions::default() })
}

fn connect(url: &str) -> Result<RedisStore, StoreError> {
    RedisStore::connect(&new_store(RedisOptions::parse(url)?))
}

fn refusal(url: &str) -> String {
    match connect(url) {
        Err(StoreError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_server_gives_no_warning_and_is_described() {
    let server = with(&[]);
    let store = connect(&format!("redis://{}/3", server.address())).unwrap();
    works(&store);
    assert_eq!(store.warnings(), Vec::<String>::new());
    assert_eq!(store.describe(), format!("redis at {} (database 3)", server.address()));
}

#[test]
fn an_eviction_policy_that_loses_records_is_warned_about() {
    let server = with(&["--maxmemory-policy", "allkeys-lru"]);
    let store = connect(&server.url()).unwrap();
    works(&store);
    let warnings = store.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("allkeys-lru"), "{warnings:?}");
}

#[test]
fn a_replica_is_refused_by_name() {
    let server = with(&["--replicaof", "127.0.0.1 1"]);
    let why = refusal(&server.url());
    assert!(why.contains("replica"), "{why}");
}

#[test]
fn nobody_there_is_one_clear_line() {
    let mut server = with(&[]);
    server.kill();
    let error = connect(&server.url()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let line = error.to_string();
    assert!(line.contains(&server.address()) && line.contains("refused") && !line.contains('\n'), "{line}");
}

#[test]
fn what_a_user_may_not_ask_is_warned_about_and_what_it_must_is_refused() {
    let server = with(&[]);
    let acl = |user: &str, rules: &[&str]| {
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER").arg(user).arg("on").arg(">hunter2").arg(rules);
        command.exec(&mut server.connection()).unwrap();
    };
    acl("plain", &["~oncegate:*", "&oncegate:*", "+@all", "-info"]);
    let store = connect(&format!("redis://plain:hunter2@{}", server.address())).unwrap();
    works(&store);
    let warnings = store.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("not checked"), "{warnings:?}");
    acl("mute", &["~oncegate:*", "&oncegate:*", "+@all", "-eval"]);
    let why = refusal(&format!("redis://mute:hunter2@{}", server.address()));
    assert!(why.contains("scripts"), "{why}");
    // Keys or channels of somebody else.
    acl("elsewhere", &["~other:*", "&oncegate:*", "+@all"]);
    let why = refusal(&format!("redis://elsewhere:hunter2@{}", server.address()));
    assert!(why.contains("oncegate:sentinel") && why.contains("NOPERM"), "{why}");
    acl("deaf", &["~oncegate:*", "resetchannels", "+@all"]);
    let why = refusal(&format!("redis://deaf:hunter2@{}", server.address()));
    assert!(why.contains("NOPERM") && why.contains("&oncegate:*"), "{why}");
}

#[test]
fn a_password_opens_and_is_never_shown() {
    let server = with(&["--requirepass", "swordfish"]);
    let mut options = RedisOptions::parse(&format!("redis://{}", server.address())).unwrap();
    let mut shown = String::new();
    let mut fails = |options: &RedisOptions| {
        let error = RedisStore::connect(&new_store(options.clone())).unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
        shown += &format!("{error} {error:?} {options:?}");
        error.to_string()
    };
    let why = fails(&options);
    assert!(why.contains("password"), "{why}");
    options.password = Some(Secret::new("hunter2"));
    let why = fails(&options);
    assert!(why.contains("password is wrong"), "{why}");
    let in_url = RedisOptions::parse(&format!("redis://me:hunter2@{}", server.address())).unwrap();
    fails(&in_url);

    options.password = Some(Secret::new("swordfish"));
    let store = RedisStore::connect(&new_store(options.clone())).unwrap();
    works(&store);
    shown += &format!("{store:?} {} {:?}", store.describe(), store.warnings());
    let store = connect(&format!("redis://:swordfish@{}", server.address())).unwrap();
    works(&store);
    shown += &format!("{store:?}");
    // A server that knows no AUTH repeats what it was sent.
    let server = with(&["--rename-command", "AUTH", ""]);
    let why = match connect(&format!("redis://me:hunter2@{}", server.address())) {
        Err(error) => format!("{error} {error:?}"),
        Ok(store) => panic!("{store:?}"),
    };
    shown += &why;
    for secret in ["hunter2", "swordfish"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// A certificate authority, and a certificate of its for `name`, as files in `folder`.
fn certificates(folder: &Path, name: &str) -> [PathBuf; 3] {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let write = |file: &str, text: String| {
        let path = folder.join(file);
        std::fs::write(&path, text).unwrap();
        path
    };
    std::fs::create_dir_all(folder).unwrap();
    [
        write("server.crt", certificate.pem()),
        write("server.key", key.serialize_pem()),
        write("ca.crt", authority.pem()),
    ]
}

#[test]
fn tls_trusts_the_authority_that_it_is_given_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let good = certificates(&folder.path().join("good"), "127.0.0.1");
    let [_, _, other_authority] = certificates(&folder.path().join("other"), "127.0.0.1");
    let [certificate, _, authority] = good.clone();
    let server = RedisServer::start(ServerOptions { tls: Some(good), ..ServerOptions::default() });
    let url = |ca: &Path| format!("rediss://{}?ca={}", server.address(), ca.display());

    let store = connect(&url(&authority)).unwrap();
    works(&store);
    assert_eq!(store.describe(), format!("redis at {} (database 0, TLS)", server.address()));
    for untrusted in [url(&other_authority), format!("rediss://{}", server.address())] {
        let why = refusal(&untrusted);
        assert!(why.contains("TLS") && why.contains("certificate"), "{why}");
    }
    let missing = folder.path().join("missing.crt");
    let why = refusal(&url(&missing));
    assert!(why.contains("missing.crt"), "{why}");
    assert!(connect(&url(&folder.path().join("good/server.key"))).is_err(), "a key is no authority");
    let _ = certificate;
    // Without TLS there is nobody to talk to.
    let mut plain = RedisOptions::parse(&format!("redis://{}", server.address())).unwrap();
    plain.connect_timeout = Duration::from_millis(300);
    plain.reply_timeout = Duration::from_millis(300);
    assert!(RedisStore::connect(&new_store(plain.clone())).is_err());
    plain.ca_file = Some(authority);
    assert!(matches!(RedisStore::connect(&new_store(plain.clone())), Err(StoreError::Refused(_))));
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificates(folder.path(), "example.org");
    let authority = files[2].clone();
    let server = RedisServer::start(ServerOptions { tls: Some(files), ..ServerOptions::default() });
    let why = refusal(&format!("rediss://{}?ca={}", server.address(), authority.display()));
    assert!(why.contains("TLS"), "{why}");
}

#[test]
fn a_dropped_store_leaves_no_thread() {
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim() == "oncegate-redis").count()
    };
    let server = with(&[]);
    let store = connect(&server.url()).unwrap();
    assert!(threads() >= 1);
    drop(store);
    // Other tests of this process have stores of their own for a while.
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while threads() > 0 && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(threads(), 0);
}

#[test]
fn a_server_for_tests_is_never_another_one_on_its_port() {
    let mut server = with(&[]);
    server.kill();
    let taken = std::net::TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    let restarted = std::thread::spawn(move || server.restart());
    std::thread::sleep(Duration::from_millis(300));
    assert!(!restarted.is_finished(), "it took somebody else for the server");
    drop(taken);
    restarted.join().unwrap();
}

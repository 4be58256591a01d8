//! What a key is called: a namespace that the host chose, and bytes that the handler named.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use sha2::{Digest, Sha256};

use crate::hex;

/// The longest namespace, in bytes.
pub const MAX_NAMESPACE_BYTES: usize = 64;

/// Keys longer than this (in bytes) are stored as their SHA-256, so that a record's size has a bound.
pub const MAX_PLAIN_KEY_BYTES: usize = 128;

/// What is behind the name of a trial run's namespace. It has a character that no other has.
const SHADOW: &str = "~shadow";

/// The same for claims of deliveries themselves.
const DELIVERIES: &str = "~deliveries";

const TAG_PLAIN: u8 = 0;
const TAG_HASHED: u8 = 1;

/// The host's prefix for one handler's keys. A handler can neither see it nor name another one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Arc<str>);

/// A name that cannot be a namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a namespace has 1 to 64 of the characters A-Z a-z 0-9 . _ -, and {0:?} does not")]
pub struct InvalidNamespace(String);

impl Namespace {
    /// Takes 1 to [`MAX_NAMESPACE_BYTES`] characters of `A-Z a-z 0-9 . _ -`: a set that needs escaping in no
    /// store, no file name and no metric label.
    pub fn new(name: &str) -> Result<Self, InvalidNamespace> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > MAX_NAMESPACE_BYTES || !name.bytes().all(allowed) {
            return Err(InvalidNamespace(name.chars().take(80).collect()));
        }
        Ok(Self(name.into()))
    }

    /// Where a trial run of the namespace keeps its keys: no namespace that [`Namespace::new`] takes.
    pub fn shadow(&self) -> Self {
        if self.0.ends_with(SHADOW) { self.clone() } else { Self(format!("{}{SHADOW}", self.0).into()) }
    }

    /// Where claims of the namespace's deliveries themselves are: no namespace that [`Namespace::new`] takes.
    pub fn deliveries(&self) -> Self {
        Self(format!("{}{DELIVERIES}", self.0).into())
    }

    /// Takes what [`Namespace::new`] takes, and the names that are made of it: for reading what a store holds.
    pub fn of_store(name: &str) -> Result<Self, InvalidNamespace> {
        if let Some(of) = name.strip_suffix(DELIVERIES) {
            return match of.strip_suffix(SHADOW) {
                Some(shadowed) => Ok(Self::new(shadowed)?.shadow().deliveries()),
                None => Ok(Self::new(of)?.deliveries()),
            };
        }
        match name.strip_suffix(SHADOW) {
            Some(shadowed) => Ok(Self::new(shadowed)?.shadow()),
            None => Self::new(name),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.0)
    }
}

/// One key of one namespace, as it is compared, cached and stored.
///
/// The encoding is `length of the namespace (1 byte) · namespace · tag (1 byte) · bytes`, where the bytes are
/// the key itself or, beyond [`MAX_PLAIN_KEY_BYTES`], its SHA-256. The length in front and the tag make sure
/// that no two pairs of namespace and key share an encoding.
#[derive(Clone)]
pub struct Key {
    encoded: Arc<[u8]>,
    /// Every map on a key's way hashes it; keyed, because handlers choose keys, and done once.
    hash: u64,
}

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.encoded == other.encoded
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.encoded.cmp(&other.encoded)
    }
}

impl Key {
    fn of(encoded: &[u8]) -> Self {
        Self { encoded: encoded.into(), hash: HASHER.hash_one(encoded) }
    }

    /// The key that `name` is in `namespace`. Whether a handler may name it is the policy's business; every
    /// byte string, the empty one too, is a distinct key here.
    pub fn new(namespace: &Namespace, name: &[u8]) -> Self {
        let (tag, hashed);
        let bytes: &[u8] = if name.len() <= MAX_PLAIN_KEY_BYTES {
            tag = TAG_PLAIN;
            name
        } else {
            tag = TAG_HASHED;
            hashed = Sha256::digest(name);
            &hashed
        };
        let prefix = Self::prefix(namespace);
        let mut encoded = Vec::with_capacity(prefix.len() + 1 + bytes.len());
        encoded.extend_from_slice(&prefix);
        encoded.push(tag);
        encoded.extend_from_slice(bytes);
        Self::of(&encoded)
    }

    /// The key as a store hashed it: for reading back what [`Key::name`] shows of a long key.
    pub fn from_digest(namespace: &Namespace, digest: &[u8; 32]) -> Self {
        let mut encoded = Self::prefix(namespace);
        encoded.push(TAG_HASHED);
        encoded.extend_from_slice(digest);
        Self::of(&encoded)
    }

    /// What every encoded key of a namespace begins with, and no other namespace's key does.
    pub fn prefix(namespace: &Namespace) -> Vec<u8> {
        let name = namespace.as_str().as_bytes();
        let mut prefix = Vec::with_capacity(1 + name.len());
        // A namespace has at most 64 bytes, and 7 more in a trial run, so its length fits.
        prefix.push(name.len() as u8);
        prefix.extend_from_slice(name);
        prefix
    }

    /// Reads an encoded key back, for listings. `None` if the bytes are no encoded key.
    pub fn decode(encoded: &[u8]) -> Option<Self> {
        let (&length, rest) = encoded.split_first()?;
        let (namespace, rest) = rest.split_at_checked(usize::from(length))?;
        Namespace::of_store(std::str::from_utf8(namespace).ok()?).ok()?;
        match rest.split_first()? {
            (&TAG_PLAIN, name) if name.len() <= MAX_PLAIN_KEY_BYTES => {}
            (&TAG_HASHED, digest) if digest.len() == 32 => {}
            _ => return None,
        }
        Some(Self::of(encoded))
    }

    /// The encoding, which is also how keys compare.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The key's own part, without its namespace.
    pub fn name(&self) -> KeyName<'_> {
        let body = self.encoded.get(1 + self.namespace().len()..).unwrap_or_default();
        match body.split_first() {
            Some((&TAG_HASHED, digest)) => KeyName::Hashed(digest),
            Some((_, name)) => KeyName::Plain(name),
            None => KeyName::Plain(&[]),
        }
    }

    /// The name of the key's namespace.
    pub fn namespace(&self) -> &str {
        let length = self.encoded.first().copied().map_or(0, usize::from);
        self.encoded.get(1..1 + length).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

/// How much of a key's name is known once it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyName<'a> {
    /// The bytes that the handler named.
    Plain(&'a [u8]),
    /// The SHA-256 of a name longer than [`MAX_PLAIN_KEY_BYTES`].
    Hashed(&'a [u8]),
}

impl fmt::Display for KeyName<'_> {
    /// Text as it is where it is text, with everything that could disturb a terminal escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyName::Plain(name) => write!(f, "{}", crate::text::Escaped(name)),
            KeyName::Hashed(digest) => write!(f, "sha256:{}", hex::encode(digest)),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}/{})", self.namespace(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn namespace(name: &str) -> Namespace {
        Namespace::new(name).unwrap()
    }

    #[test]
    fn a_namespace_refuses_what_a_store_would_have_to_escape() {
        for bad in ["", "a b", "a:b", "a/b", "{a}", "ä", &"x".repeat(65)] {
            assert!(Namespace::new(bad).is_err(), "{bad:?}");
        }
        assert!(Namespace::new(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn namespace_and_key_never_run_together() {
        // Row 24: with plain concatenation all of these would be "abc".
        let keys = [
            Key::new(&namespace("a"), b"bc"),
            Key::new(&namespace("ab"), b"c"),
            Key::new(&namespace("abc"), b""),
        ];
        assert_ne!(keys[0], keys[1]);
        assert_ne!(keys[1], keys[2]);
        assert!(!keys[1].encoded().starts_with(&Key::prefix(&namespace("a"))));
    }

    #[test]
    fn a_long_key_is_hashed_and_a_short_one_cannot_pretend_to_be_it() {
        let long = vec![b'x'; MAX_PLAIN_KEY_BYTES + 1];
        let hashed = Key::new(&namespace("n"), &long);
        let KeyName::Hashed(digest) = hashed.name() else { panic!("{hashed:?}") };
        assert_ne!(Key::new(&namespace("n"), digest), hashed);
        assert_eq!(Key::from_digest(&namespace("n"), digest.try_into().unwrap()), hashed);
    }

    #[test]
    fn a_trial_run_has_a_namespace_that_nobody_else_can_have() {
        for name in ["n".to_owned(), "x".repeat(64)] {
            let shadow = namespace(&name).shadow();
            assert!(Namespace::new(shadow.as_str()).is_err());
            assert_eq!(Namespace::of_store(shadow.as_str()), Ok(shadow.clone()));
            assert_eq!(shadow.shadow(), shadow);
            let key = Key::new(&shadow, b"k");
            assert_eq!(Key::decode(key.encoded()), Some(key));
        }
        assert!(Namespace::of_store("~shadow").is_err());
        for of in [namespace("n"), namespace("n").shadow()] {
            let deliveries = of.deliveries();
            assert!(Namespace::new(deliveries.as_str()).is_err());
            assert_eq!(Namespace::of_store(deliveries.as_str()), Ok(deliveries));
        }
        assert!(Namespace::of_store("~deliveries").is_err());
        assert!(Namespace::of_store("n~shadow~shadow").is_err());
    }

    proptest! {
        #[test]
        fn distinct_pairs_have_distinct_encodings_and_read_back(
            a in "[a-c.]{1,3}", b in "[a-c.]{1,3}",
            x in prop::collection::vec(0u8..3, 0..4), y in prop::collection::vec(0u8..3, 0..4),
        ) {
            let (k, l) = (Key::new(&namespace(&a), &x), Key::new(&namespace(&b), &y));
            prop_assert_eq!(k == l, a == b && x == y);
            prop_assert_eq!(Key::decode(k.encoded()), Some(k.clone()));
            prop_assert_eq!(k.name(), KeyName::Plain(&x));
            prop_assert_eq!(k.namespace(), a);
        }
    }
}

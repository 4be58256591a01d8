//! Keys as they are stored, named in Redis, shown and typed.

use oncegate::fuzzing;
use oncegate_dedup::store::fuzzing::redis;
use oncegate_dedup::{Key, KeyName, MAX_PLAIN_KEY_BYTES, Namespace};

use crate::bytes::Bytes;
use crate::clean;

pub const WORDS: &[&[u8]] = &[
    b"oncegate:1:",
    b"sha256:",
    b":k:",
    b":h:",
    b"{tag}",
    b"%7B",
    b"%",
    b"\\u{202e}",
    b"\\xff",
    b"~shadow",
    b"~deliveries",
    b"*",
    b"[a]",
    b"\0",
    b"\n",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

/// Among them names that could run together if lengths and tags did not keep them apart.
const NAMESPACES: [&str; 8] = ["a", "ab", "a.b", "k", "h", "n_1-x", "oncegate", "1"];
const TAGS: [Option<&str>; 4] = [None, Some("t"), Some("a"), Some("oncegate.1")];

pub fn seeds() -> Vec<Vec<u8>> {
    let named = |namespace: u8, name: &[u8]| {
        let mut input = vec![namespace, 0, 0, name.len() as u8];
        input.extend_from_slice(name);
        input
    };
    vec![
        named(0, b"p-17"),
        named(1, "ö\u{202e}\\\n\0".as_bytes()),
        named(2, &[0xff; 129]),
        named(3, &[b"sha256:".as_slice(), &[b'0'; 64]].concat()),
        b"oncegate:1:{t}a:k:%41%00b".to_vec(),
        b"\x01a\x00bc".to_vec(),
    ]
}

pub fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let one = (namespace(&mut bytes), bytes.one_of(&TAGS), bytes.part());
    let other = (namespace(&mut bytes), one.1, bytes.part());
    let keys = [&one, &other].map(|(namespace, tag, name)| one_key(namespace, *tag, name));
    // The whole point: two keys are never taken for one, wherever they are written down.
    let same = one.0 == other.0 && one.2 == other.2;
    assert_eq!(keys[0] == keys[1], same, "{keys:?}");
    assert_eq!(keys[0].encoded() == keys[1].encoded(), same, "{keys:?}");
    assert_eq!(redis::name(one.1, &keys[0]) == redis::name(one.1, &keys[1]), same, "{keys:?}");

    strange(input);
}

fn namespace(bytes: &mut Bytes<'_>) -> Namespace {
    let named = Namespace::new(bytes.one_of(&NAMESPACES)).expect("a good name");
    match bytes.below(4) {
        0 => named.shadow(),
        1 => named.deliveries(),
        _ => named,
    }
}

fn one_key(namespace: &Namespace, tag: Option<&str>, name: &[u8]) -> Key {
    let key = Key::new(namespace, name);
    assert_eq!(Key::decode(key.encoded()).as_ref(), Some(&key));
    assert!(key.encoded().len() <= 2 + 64 + "~shadow~deliveries".len() + MAX_PLAIN_KEY_BYTES);
    assert!(key.encoded().starts_with(&Key::prefix(namespace)));
    assert_eq!(key.namespace(), namespace.as_str());
    match key.name() {
        KeyName::Plain(plain) => assert_eq!(plain, name),
        KeyName::Hashed(digest) => {
            assert!(name.len() > MAX_PLAIN_KEY_BYTES);
            assert_eq!(Key::from_digest(namespace, digest.try_into().expect("32 bytes")), key);
        }
    }

    let shown = key.name().to_string();
    clean::line(&shown, 6 * MAX_PLAIN_KEY_BYTES);
    let candidates = fuzzing::keys(namespace, &shown).expect("what is shown can be typed");
    assert!(candidates.contains(&key), "{shown:?} does not lead back");
    if candidates.len() == 1 {
        assert_eq!(fuzzing::key(namespace, &shown).expect("what is shown can be typed"), key);
    }

    let name = redis::name(tag, &key).expect("a good tag");
    assert!(name.iter().all(u8::is_ascii_graphic), "{name:?}");
    assert_eq!(redis::named(tag, &name), Some(key.clone()), "{name:?}");
    // Only the host says where a cluster puts it.
    let behind_tag = name.len() - name.iter().rev().take_while(|byte| !b"{}".contains(byte)).count();
    assert_eq!(behind_tag, tag.map_or(0, |tag| "oncegate:1:{}".len() + tag.len()), "{name:?}");
    key
}

/// Bytes that are no encoding, no name and no typed key of ours, or one.
fn strange(input: &[u8]) {
    if let Some(key) = Key::decode(input) {
        assert_eq!(key.encoded(), input);
    }
    for tag in TAGS {
        if let Some(key) = redis::named(tag, input) {
            assert_eq!(redis::name(tag, &key).as_deref(), Some(input), "a second name for a key");
        }
    }
    let (text, namespace) = (String::from_utf8_lossy(input), Namespace::new("n").expect("a good name"));
    if let Err(error) = fuzzing::key(&namespace, &text) {
        clean::line(&fuzzing::error_line(error), 6 * (16 << 10) + 3);
    }
}

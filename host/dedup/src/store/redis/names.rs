//! What a record is called in Redis: text that a person can type, and that reads back to the key.
//!
//! `oncegate:1:NAMESPACE:k:KEY`, or `oncegate:1:NAMESPACE:h:DIGEST` for a key that is stored as its SHA-256. Where
//! the host chose a hash tag, `{TAG}` stands before the namespace: then a cluster keeps all records in one slot,
//! together with whatever else has the tag.
//!
//! Bytes of a key other than printable ASCII, and `%`, `{`, `}`, are written as `%XX`: a hash tag, which decides
//! where a cluster puts a record, is the host's to choose and never the handler's.

use crate::{Key, KeyName, Namespace, hex};

/// What every name begins with: whose it is and the version of the naming.
const PREFIX: &str = "oncegate:1:";

/// How records are called in one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// What stands between the version and the namespace: `{TAG}`, or nothing.
    tag: String,
}

/// A text that cannot be a hash tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hash tag has 1 to 64 of the characters A-Z a-z 0-9 . _ -, and {0:?} does not")]
pub struct InvalidTag(String);

impl Names {
    /// Names that all lie in the slot of `tag`, if there is one.
    pub fn tagged(tag: Option<&str>) -> Result<Self, InvalidTag> {
        let Some(tag) = tag else { return Ok(Self::default()) };
        match Namespace::new(tag) {
            Ok(tag) => Ok(Self { tag: format!("{{{tag}}}") }),
            Err(_) => Err(InvalidTag(tag.chars().take(80).collect())),
        }
    }

    /// The name of a key's record.
    pub fn of(&self, key: &Key) -> Vec<u8> {
        let mut name = format!("{PREFIX}{}{}:", self.tag, key.namespace()).into_bytes();
        match key.name() {
            KeyName::Plain(bytes) => {
                name.extend_from_slice(b"k:");
                bytes.iter().for_each(|&byte| escape(byte, &mut name));
            }
            KeyName::Hashed(digest) => {
                name.extend_from_slice(b"h:");
                name.extend_from_slice(hex::encode(digest).as_bytes());
            }
        }
        name
    }

    /// The key whose record has this name; none if it is not exactly what [`of`](Names::of) gives.
    pub fn parse(&self, name: &[u8]) -> Option<Key> {
        let text = std::str::from_utf8(name).ok()?;
        let (namespace, rest) = text.strip_prefix(PREFIX)?.strip_prefix(&self.tag)?.split_once(':')?;
        let namespace = Namespace::of_store(namespace).ok()?;
        let key = match rest.split_once(':')? {
            ("k", escaped) => Key::new(&namespace, &unescape(escaped.as_bytes())?),
            ("h", digits) => Key::from_digest(&namespace, &digest(digits.as_bytes())?),
            _ => return None,
        };
        // One spelling for each key: `%41` for `A` is somebody else's.
        (self.of(&key) == name).then_some(key)
    }

    /// The name of what is known of a namespace as a whole, which no record has.
    pub fn account(&self, namespace: &Namespace) -> String {
        format!("{PREFIX}{}{namespace}:account", self.tag)
    }

    /// The pattern that all names of a namespace match and no other names of ours. Neither a tag nor a namespace has a
    /// character that means something in a pattern, nor a colon, which ends them.
    pub fn pattern(&self, namespace: &Namespace) -> String {
        format!("{PREFIX}{}{namespace}:[kh]:*", self.tag)
    }
}

fn escape(byte: u8, name: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_graphic() && !matches!(byte, b'%' | b'{' | b'}') {
        name.push(byte);
    } else {
        name.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn unescape(escaped: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first == b'%' {
            let (digits, behind) = rest.split_first_chunk::<2>()?;
            bytes.push(byte_of(digits)?);
            rest = behind;
        } else {
            bytes.push(first);
        }
    }
    Some(bytes)
}

fn digest(digits: &[u8]) -> Option<[u8; 32]> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(byte_of).collect::<Option<_>>()?;
    if rest.is_empty() { bytes.try_into().ok() } else { None }
}

fn byte_of(digits: &[u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(digits[0])? * 16 + value(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &[u8]) -> Key {
        Key::new(&Namespace::new("pay.ments_1-a").unwrap(), name)
    }

    fn plain() -> Names {
        Names::default()
    }

    fn shown(name: &[u8]) -> String {
        String::from_utf8(plain().of(&key(name))).unwrap()
    }

    #[test]
    fn a_name_is_printable_and_holds_no_hash_tag_of_the_handlers() {
        assert_eq!(shown(b"p-17"), "oncegate:1:pay.ments_1-a:k:p-17");
        assert_eq!(shown(b"a:b/*?[]"), "oncegate:1:pay.ments_1-a:k:a:b/*?[]");
        assert_eq!(shown(b"{t}%\0 \xff"), "oncegate:1:pay.ments_1-a:k:%7Bt%7D%25%00%20%FF");
        let long = key(&[b'x'; 200]);
        assert_eq!(plain().of(&long).len(), "oncegate:1:pay.ments_1-a:h:".len() + 64);
        assert_eq!(plain().parse(&plain().of(&long)), Some(long));
    }

    #[test]
    fn a_name_that_is_not_ours_is_nobodys() {
        let strange = [
            "oncegate:1:n:k:%41",
            "oncegate:1:n:k:%2",
            "oncegate:1:n:k:%zz",
            "oncegate:1:n:k:%7b",
            "oncegate:1:n:h:00",
            "oncegate:1:n:x:a",
            "oncegate:1:{n}:k:a",
            "oncegate:2:n:k:a",
            "oncegate:1:n:k:a b",
            "other",
        ];
        for strange in strange {
            assert_eq!(plain().parse(strange.as_bytes()), None, "{strange}");
        }
        let upper = format!("oncegate:1:n:h:{}", "AB".repeat(32));
        assert_eq!(plain().parse(upper.as_bytes()), None);
        assert_eq!(plain().parse(b"oncegate:1:n:k:\xff"), None);
    }

    #[test]
    fn a_hash_tag_is_the_first_brace_of_a_name_and_part_of_what_is_read_back() {
        let tagged = Names::tagged(Some("t-1")).unwrap();
        let name = tagged.of(&key(b"{x}"));
        assert_eq!(name, b"oncegate:1:{t-1}pay.ments_1-a:k:%7Bx%7D");
        assert_eq!(tagged.parse(&name), Some(key(b"{x}")));
        let other = Names::tagged(Some("t")).unwrap();
        for (names, name) in [(&other, &name), (&plain(), &name), (&tagged, &plain().of(&key(b"{x}")))] {
            assert_eq!(names.parse(name), None);
        }
        for wrong in ["", "a b", "}", "a{", "*", &"x".repeat(65)] {
            assert!(Names::tagged(Some(wrong)).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn every_key_reads_back_from_its_name(name in prop::collection::vec(any::<u8>(), 0..140)) {
            let key = key(&name);
            let text = plain().of(&key);
            let allowed = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
            prop_assert!(text.iter().all(allowed), "{:?}", text);
            prop_assert_eq!(plain().parse(&text), Some(key));
        }

        #[test]
        fn no_two_names_are_one_key(text in "oncegate:1:n:[kh]:[%0-9a-cA-C]{0,8}") {
            if let Some(key) = plain().parse(text.as_bytes()) {
                prop_assert_eq!(plain().of(&key), text.into_bytes());
            }
        }
    }
}

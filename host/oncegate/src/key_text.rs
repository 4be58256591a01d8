//! A key as people write it: as listings and dead letters show it.
//!
//! What could disturb a terminal is shown as an escape (`\n`, `\u{202e}`, `\xff`) and a backslash as `\\`, so that the
//! text reads back to the same bytes. A key that is stored as its digest is `sha256:` and 64 digits.

use anyhow::{Result, bail};
use oncegate_dedup::{Key, Namespace, hex};

/// What a listing shows of a long key, before its digits.
const DIGEST: &str = "sha256:";

/// The key that a listing shows so.
pub fn read(namespace: &Namespace, text: &str) -> Result<Key> {
    match digest(namespace, text) {
        Some(key) => Ok(key),
        None => Ok(Key::new(namespace, &bytes(text)?)),
    }
}

/// All keys that a listing shows so: a short key may look like the digest of a long one.
pub fn all(namespace: &Namespace, text: &str) -> Result<Vec<Key>> {
    let short = Key::new(namespace, &bytes(text)?);
    Ok(match digest(namespace, text) {
        Some(long) => vec![long, short],
        None => vec![short],
    })
}

/// The long key of this digest. None if it is no digest: a short key may begin with the same word.
fn digest(namespace: &Namespace, text: &str) -> Option<Key> {
    let digits = text.strip_prefix(DIGEST).filter(|digits| digits.len() == 64)?;
    let digest = <[u8; 32]>::try_from(hex::decode(digits)?).ok()?;
    Some(Key::from_digest(namespace, &digest))
}

/// The bytes that are shown so.
fn bytes(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let Some(after) = escape(behind, &mut bytes) else {
            bail!(
                "{text} is not a key as listings show it: write \\\\ for a backslash, \\n or \\u{{…}} for a character, \
                 \\xff for a byte that is not UTF-8"
            );
        };
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Adds what the escape stands for whose backslash was just read. Answers what is behind it.
fn escape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let (kind, behind) = text.split_at_checked(1)?;
    match kind {
        "\\" => bytes.push(b'\\'),
        "n" => bytes.push(b'\n'),
        "r" => bytes.push(b'\r'),
        "t" => bytes.push(b'\t'),
        "x" => {
            let (digits, behind) = behind.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            return Some(behind);
        }
        "u" => {
            let (digits, behind) = behind.strip_prefix('{')?.split_once('}')?;
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(behind);
        }
        _ => return None,
    }
    Some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace() -> Namespace {
        Namespace::new("n").unwrap()
    }

    #[test]
    fn every_key_reads_back_from_what_a_listing_shows() {
        let names: [&[u8]; 8] = [
            b"",
            b"p-17",
            b"a\\b",
            b"\\n",
            b"a\nb\r\t\0\x7f",
            "ö\u{202e}😀".as_bytes(),
            b"\xff\xc3a",
            &[b'x'; 300],
        ];
        for name in names {
            let key = Key::new(&namespace(), name);
            assert_eq!(read(&namespace(), &key.name().to_string()).unwrap(), key, "{}", key.name());
        }
    }

    #[test]
    fn what_no_listing_shows_is_refused() {
        for text in ["a\\b", "\\", "\\x1", "\\xzz", "\\u{110000}", "\\u{", "\\uff", "\\ö"] {
            assert!(read(&namespace(), text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_short_key_that_looks_like_a_digest_is_found_as_well() {
        let text = format!("sha256:{}", "0".repeat(64));
        let short = Key::new(&namespace(), text.as_bytes());
        assert_eq!(read(&namespace(), &text).unwrap(), Key::from_digest(&namespace(), &[0; 32]));
        assert!(all(&namespace(), &text).unwrap().contains(&short));
        assert_eq!(all(&namespace(), "a").unwrap().len(), 1);
        let no_digest = format!("sha256:{}", "z".repeat(64));
        assert_eq!(read(&namespace(), &no_digest).unwrap(), Key::new(&namespace(), no_digest.as_bytes()));
    }
}

//! What a component says of how it was made: toolchains write their names and versions into a section for that.

use wasmparser::{KnownCustom, Parser, Payload};

use oncegate_dedup::text::shown;

/// How much of a name or version is shown, in bytes, and how many producers at most.
const SHOWN_BYTES: usize = 80;
const MOST: usize = 32;

/// One program or language that a component names as what it was made with. Names are escaped, and nobody has checked
/// that they are true.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// What it was: `language`, `processed-by`, `sdk`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version, perhaps empty.
    pub version: String,
}

/// What the component and the modules in it say, each producer once. Empty if they say nothing or are not valid.
///
/// It reads a component that nobody trusts: for a process that has given up its rights.
pub fn producers(component: &[u8]) -> Vec<Producer> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let Ok(payload) = payload else { break };
        if let Payload::CustomSection(section) = payload
            && let KnownCustom::Producers(fields) = section.as_known()
        {
            for field in fields.into_iter().map_while(Result::ok) {
                for value in field.values.into_iter().map_while(Result::ok) {
                    let text = |text: &str| shown(text.as_bytes(), SHOWN_BYTES);
                    let producer = Producer {
                        role: text(field.name),
                        name: text(value.name),
                        version: text(value.version),
                    };
                    if found.len() < MOST && !found.contains(&producer) {
                        found.push(producer);
                    }
                }
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A string as the binary format has it, if it is short.
    fn string(text: &str) -> Vec<u8> {
        [&[text.len() as u8], text.as_bytes()].concat()
    }

    fn section(body: &[u8]) -> Vec<u8> {
        let content = [string("producers"), body.to_vec()].concat();
        [&[0, content.len() as u8], &content[..]].concat()
    }

    #[test]
    fn each_toolchain_is_named_once_and_escaped() {
        let fields =
            [&[1], &string("language")[..], &[1], &string("C\u{1b}")[..], &string("11")[..]].concat();
        let component = [&b"\0asm\x0d\0\x01\0"[..], &section(&fields), &section(&fields)].concat();
        let [producer] = &*producers(&component) else { panic!("{:?}", producers(&component)) };
        assert_eq!((&*producer.role, &*producer.name, &*producer.version), ("language", "C\\u{1b}", "11"));
    }

    #[test]
    fn what_is_cut_short_or_endless_says_what_it_can() {
        let many = [&[200, 1], &[string("language"), vec![0]].concat().repeat(20)[..]].concat();
        let component = [&b"\0asm\x0d\0\x01\0"[..], &section(&many)[..]].concat();
        assert_eq!(producers(&component), []);
        assert_eq!(producers(&component[..12]), []);
        assert_eq!(producers(b"not wasm"), []);
    }
}

//! What a component says of how it was made, where its toolchain does not.

/// The component with a section that names a language, and the tool that made the component.
pub(crate) fn named(mut component: Vec<u8>, language: &str, tool: (&str, &str)) -> Vec<u8> {
    let mut section = Vec::new();
    string(&mut section, "producers");
    section.push(2);
    for (field, (name, version)) in [("language", (language, "")), ("processed-by", tool)] {
        string(&mut section, field);
        section.push(1);
        string(&mut section, name);
        string(&mut section, version);
    }
    // A custom section, at the component's end.
    component.push(0);
    number(&mut component, section.len());
    component.extend_from_slice(&section);
    component
}

fn string(to: &mut Vec<u8>, text: &str) {
    number(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

/// As the binary format has numbers: seven bits a byte, the lowest first.
fn number(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{KnownCustom, Parser, Payload};

    #[test]
    fn a_reader_of_the_format_finds_the_names() {
        let long = "a".repeat(200);
        let component = named(b"\0asm\x0d\0\x01\0".to_vec(), "Python", (&long, "0.25.1"));
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(&component) {
            let Payload::CustomSection(section) = payload.unwrap() else { continue };
            let KnownCustom::Producers(fields) = section.as_known() else { panic!("another section") };
            for field in fields {
                let field = field.unwrap();
                for value in field.values {
                    let value = value.unwrap();
                    found.push(format!("{} {} {}", field.name, value.name, value.version));
                }
            }
        }
        assert_eq!(found, ["language Python ".to_owned(), format!("processed-by {long} 0.25.1")]);
    }
}

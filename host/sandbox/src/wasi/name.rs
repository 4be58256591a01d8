//! The names of interfaces that link.

/// The packages of which every interface links, whatever becomes of its functions.
const PACKAGES: [&str; 7] = ["cli", "clocks", "filesystem", "io", "random", "sockets", "http"];
/// The version that links, but for its last number.
const VERSION: &str = "0.2.";

/// `wasi:PACKAGE/NAME@0.2.x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interface<'a> {
    pub(crate) package: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Interface<'a> {
    /// None: it is no such name, and is not linked.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (package, rest) = text.strip_prefix("wasi:")?.split_once('/')?;
        let (name, version) = rest.split_once('@')?;
        let patch = version.strip_prefix(VERSION)?;
        let is_number = !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = is_number && patch.len() <= 3 && (patch == "0" || !patch.starts_with('0'));
        (PACKAGES.contains(&package) && !name.is_empty() && is_plain).then_some(Self { package, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_packages_link_in_any_release_of_0_2() {
        for version in ["0", "3", "12"] {
            let text = format!("wasi:cli/exit@0.2.{version}");
            assert_eq!(Interface::parse(&text), Some(Interface { package: "cli", name: "exit" }));
        }
        for other in [
            "wasi:cli/exit@0.1.0",
            "wasi:cli/exit@0.3.0",
            "wasi:cli/exit@0.2.0-rc-2023-11-10",
            "wasi:cli/exit@0.2.00",
            "wasi:cli/exit@0.2.",
            "wasi:cli/exit@0.2",
            "wasi:cli/exit",
            "wasi:cli/@0.2.0",
            "wasi:nn/tensor@0.2.0",
            "wasi:keyvalue/store@0.2.0",
            "wasix:cli/exit@0.2.0",
            "wasi:cli",
        ] {
            assert_eq!(Interface::parse(other), None, "{other}");
        }
    }
}

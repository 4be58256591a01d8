//! What this process is called among the consumers of a group.

use std::fmt::Write as _;

/// How the names of all hosts' consumers begin.
pub const PREFIX: &str = "oncegate-";

/// Who has what was handed back, until somebody takes it.
pub const NOBODY: &str = "oncegate-handed-back";

/// How much of the machine's name is used, in bytes.
const HOST_BYTES: usize = 64;

/// A name that no other process has, nor had: machine, process and 64 random bits.
pub fn unique_name() -> Result<String, getrandom::Error> {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits)?;
    let node = rustix::system::uname();
    let host = node.nodename().to_bytes();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
    let host: String =
        host.iter().take(HOST_BYTES).map(|&byte| if plain(byte) { char::from(byte) } else { '-' }).collect();
    let mut name = format!("{PREFIX}{host}-{}-", std::process::id());
    for byte in bits {
        // Writing to a text cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_consumers_of_one_process_have_two_names() {
        let (one, other) = (unique_name().unwrap(), unique_name().unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with(PREFIX) && one.contains(&format!("-{}-", std::process::id())), "{one}");
    }
}

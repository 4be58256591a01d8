//! What one invocation may use.

/// Limits of an invocation. By default those of the real host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys that it may name. Default 64.
    pub keys: u32,
    /// Bytes of a key. Default 1024.
    pub key_bytes: u32,
    /// Bytes of a receipt. Default 65,536.
    pub receipt_bytes: u32,
    /// Outputs. Default 1,000.
    pub outputs: u32,
    /// Bytes of all outputs together: topics, keys, headers and payloads. Default 1 MiB.
    pub output_bytes: u32,
    /// Headers of one output. Default 64.
    pub output_headers: u32,
    /// Bytes of an output's topic, of its key, and of each header's name. Default 1024.
    pub output_name_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keys: 64,
            key_bytes: 1024,
            receipt_bytes: 64 * 1024,
            outputs: 1000,
            output_bytes: 1024 * 1024,
            output_headers: 64,
            output_name_bytes: 1024,
        }
    }
}

/// Whether something has more bytes than so many.
pub(super) fn exceeds(length: usize, limit: u32) -> bool {
    u32::try_from(length).map_or(true, |length| length > limit)
}

/// What is said of something that has.
pub(super) fn too_long(what: &str, length: usize, limit: u32) -> String {
    format!("{what} has {length} bytes, and {limit} are allowed")
}

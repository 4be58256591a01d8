//! Numbers of limits as people read them.

use std::fmt;

/// Milliseconds: `5 s`, `1500 ms`.
pub(crate) struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms >= 1000 && ms.is_multiple_of(1000) => write!(f, "{} s", ms / 1000),
            ms => write!(f, "{ms} ms"),
        }
    }
}

/// Bytes: `64 MiB`, `4 KiB`, `1000 bytes`.
pub(crate) struct Size(pub usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            size if size >= 1 << 20 && size.is_multiple_of(1 << 20) => write!(f, "{} MiB", size >> 20),
            size if size >= 1 << 10 && size.is_multiple_of(1 << 10) => write!(f, "{} KiB", size >> 10),
            size => write!(f, "{size} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_numbers_are_short_and_no_number_is_rounded() {
        assert_eq!(Span(5000).to_string(), "5 s");
        assert_eq!(Span(1500).to_string(), "1500 ms");
        assert_eq!(Span(0).to_string(), "0 ms");
        assert_eq!(Size(64 << 20).to_string(), "64 MiB");
        assert_eq!(Size(1536).to_string(), "1536 bytes");
        assert_eq!(Size(4096).to_string(), "4 KiB");
    }
}

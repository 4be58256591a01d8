//! What a handler leaves for later duplicates.

use crate::{Error, OrFail, Result, reject};

/// A value that is stored with a commit and given to every later duplicate.
///
/// `Vec<u8>` and `String` are stored as they are, `()` stores nothing, `Option<Vec<u8>>` something or nothing. For a type
/// of your own, implement it through one of them.
pub trait Receipt: Sized {
    /// The bytes to store, or `None` to commit without a receipt. The host limits their number.
    fn as_bytes(&self) -> Option<&[u8]>;

    /// Reads back what was stored, `None` if the commit had no receipt. It may have been stored by an older
    /// version of the handler.
    ///
    /// # Errors
    ///
    /// What the handler should return if it cannot go on without the receipt.
    fn from_bytes(stored: Option<Vec<u8>>) -> Result<Self>;
}

/// For handlers whose duplicates have nothing to ask: whatever is stored is ignored.
impl Receipt for () {
    fn as_bytes(&self) -> Option<&[u8]> {
        None
    }

    fn from_bytes(_: Option<Vec<u8>>) -> Result<Self> {
        Ok(())
    }
}

impl Receipt for Vec<u8> {
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn from_bytes(stored: Option<Vec<u8>>) -> Result<Self> {
        stored.ok_or_else(absent)
    }
}

/// For handlers that decide while they work.
impl Receipt for Option<Vec<u8>> {
    fn as_bytes(&self) -> Option<&[u8]> {
        self.as_deref()
    }

    fn from_bytes(stored: Option<Vec<u8>>) -> Result<Self> {
        Ok(stored)
    }
}

impl Receipt for String {
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(str::as_bytes(self))
    }

    fn from_bytes(stored: Option<Vec<u8>>) -> Result<Self> {
        String::from_utf8(stored.ok_or_else(absent)?).or_reject("the stored receipt")
    }
}

fn absent() -> Error {
    reject("the key was committed without a receipt")
}

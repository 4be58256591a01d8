//! What a message can be asked. Its fields are the contract's own.

use crate::{Message, Result, reject};
use serde::Deserialize;

impl Message {
    /// Reads the payload as JSON.
    ///
    /// `T` may borrow from the payload (`&str`, `Cow<str>` with `#[serde(borrow)]`), which saves a copy.
    ///
    /// # Errors
    ///
    /// [`Error::Reject`](crate::Error::Reject) with the position and the reason: a payload that is not what
    /// the handler reads will not become so by being delivered again.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_slice(&self.payload).map_err(|error| reject(format!("payload: {error}")))
    }

    /// The value of the first header of this name, compared exactly.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|header| header.name == name).map(|header| header.value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Header, testing::message};

    #[test]
    fn json_that_is_not_what_was_asked_for_is_rejected_with_its_position() {
        let error = message("{\"a\":1").json::<serde_json::Value>().expect_err("cut short");
        assert!(error.is_reject());
        assert!(error.to_string().starts_with("payload: EOF while parsing"), "{error}");
        assert_eq!(message("\"text\"").json::<&str>().expect("borrows"), "text");
    }

    #[test]
    fn the_first_header_of_a_name_is_found() {
        let mut message = message("");
        for value in [b"1", b"2"] {
            message.headers.push(Header { name: "trace".into(), value: value.to_vec() });
        }
        assert_eq!(message.header("trace"), Some(&b"1"[..]));
        assert_eq!(message.header("Trace"), None);
    }
}

//! Errors for which only the handler can say whether another delivery would help.

use crate::{Error, Result, reject, retry};
use std::fmt::Display;

/// Turns any other error, or an absent value, into a [`retry`] or a [`reject`].
///
/// There is no `From` for all errors on purpose: whether a failure lasts is a decision, and `?` would take
/// it in silence. (Who boxes errors leaves it to the SDK, to which they are a retry.)
///
/// ```
/// use oncegate_sdk::{OrFail, reject};
/// let error = "12x".parse::<u32>().or_reject("quantity").unwrap_err();
/// assert_eq!(error, reject("quantity: invalid digit found in string"));
/// assert_eq!(None::<u32>.or_reject("no quantity").unwrap_err(), reject("no quantity"));
/// ```
pub trait OrFail<T>: Sized {
    /// The delivery may work later. `what` names what was tried, and comes before the error's own text.
    ///
    /// # Errors
    ///
    /// [`Error::Retry`], if there is no value.
    fn or_retry(self, what: &str) -> Result<T>;

    /// The delivery can never work. `what` names what was tried, and comes before the error's own text.
    ///
    /// # Errors
    ///
    /// [`Error::Reject`], if there is no value.
    fn or_reject(self, what: &str) -> Result<T>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_retry(self, what: &str) -> Result<T> {
        self.map_err(|error| retry(text(what, &error)))
    }

    fn or_reject(self, what: &str) -> Result<T> {
        self.map_err(|error| reject(text(what, &error)))
    }
}

impl<T> OrFail<T> for Option<T> {
    fn or_retry(self, what: &str) -> Result<T> {
        self.ok_or_else(|| Error::Retry(what.to_owned()))
    }

    fn or_reject(self, what: &str) -> Result<T> {
        self.ok_or_else(|| Error::Reject(what.to_owned()))
    }
}

/// The alternate form, because the common libraries of error types print the whole chain with it.
fn text(what: &str, error: &impl Display) -> String {
    format!("{what}: {error:#}")
}

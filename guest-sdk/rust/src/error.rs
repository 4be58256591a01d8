//! The two ways to fail.

use crate::{Failure, OutputRefusal, Refusal};
use std::fmt;

/// Why a handler did not do its work. Nothing that it staged is applied in either case.
///
/// The question that an error has to answer is what the host should do with the delivery, so this is the
/// whole of it. `?` converts what has one answer: JSON errors are rejected, a refusal of the host is what
/// [`From<Refusal>`](#impl-From<Refusal>-for-Error) says. For all others
/// [`OrFail`](crate::OrFail) lets the handler decide; a boxed error, which nobody has decided on, is a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It may work later: the delivery is made again after a back-off, and one attempt is used up.
    Retry(String),
    /// It can never work: the delivery goes to the dead letters with this text as the reason.
    Reject(String),
}

/// What a handler returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An [`Error::Retry`] with this text.
pub fn retry(reason: impl Into<String>) -> Error {
    Error::Retry(reason.into())
}

/// An [`Error::Reject`] with this text.
pub fn reject(reason: impl Into<String>) -> Error {
    Error::Reject(reason.into())
}

impl Error {
    /// Whether the delivery goes to the dead letters.
    pub fn is_reject(&self) -> bool {
        matches!(self, Error::Reject(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Error::Retry(reason) | Error::Reject(reason)) = self;
        f.write_str(reason)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Retry(reason) => Failure::Retry(reason),
            Error::Reject(reason) => Failure::Reject(reason),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure {
            Failure::Retry(reason) => Error::Retry(reason),
            Failure::Reject(reason) => Error::Reject(reason),
        }
    }
}

/// JSON that cannot be read or written now cannot be later.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        reject(format!("JSON: {error}"))
    }
}

/// `unavailable` is a `retry` (and uses up no attempt), all others are a `reject`: either the caller's error,
/// or an end that the host has already decided.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::InvalidKey(reason) => reject(format!("invalid key: {reason}")),
            Refusal::NotClaimed => reject("commit of a key that this invocation has not claimed"),
            Refusal::Mismatch => reject("the key was committed with another payload"),
            Refusal::Dead(reason) => reject(format!("the key was given up earlier: {reason}")),
            Refusal::TooManyKeys(limit) => reject(format!("more than {limit} keys in one invocation")),
            Refusal::ReceiptTooLarge(limit) => reject(format!("receipt of more than {limit} bytes")),
            Refusal::Unavailable(reason) => retry(format!("store unavailable: {reason}")),
        }
    }
}

/// A refused output is a `reject`: the same handler with the same message would be refused again.
impl From<OutputRefusal> for Error {
    fn from(refusal: OutputRefusal) -> Error {
        reject(match refusal {
            OutputRefusal::TopicNotAllowed => {
                "output refused: this handler may not write to that topic".to_owned()
            }
            OutputRefusal::Invalid(reason) => format!("output refused: {reason}"),
            OutputRefusal::TooMany(limit) => format!("output refused: more than {limit} in one invocation"),
            OutputRefusal::TooLarge(limit) => {
                format!("output refused: more than {limit} bytes in one invocation")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_outage_is_worth_another_delivery() {
        assert_eq!(Error::from(Refusal::Unavailable("down".into())), retry("store unavailable: down"));
        let callers = [
            Refusal::InvalidKey("empty".into()),
            Refusal::NotClaimed,
            Refusal::Mismatch,
            Refusal::Dead("first reason".into()),
            Refusal::TooManyKeys(8),
            Refusal::ReceiptTooLarge(9),
        ];
        assert!(callers.into_iter().all(|refusal| Error::from(refusal).is_reject()));
    }

    #[test]
    fn a_refused_output_names_the_limit() {
        assert_eq!(
            Error::from(OutputRefusal::TooMany(7)).to_string(),
            "output refused: more than 7 in one invocation"
        );
        assert!(Error::from(OutputRefusal::TopicNotAllowed).is_reject());
    }

    #[test]
    fn the_contract_s_failure_is_the_same_thing() {
        for error in [retry("later"), reject("never")] {
            assert_eq!(Error::from(Failure::from(error.clone())), error);
        }
    }
}

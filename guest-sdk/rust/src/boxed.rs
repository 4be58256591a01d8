//! Errors of any kind, boxed: nobody has decided what the host should do with the delivery.

use crate::{Error, Failure, OutputRefusal, Refusal, reject, retry};
use std::error::Error as StdError;

/// What `?` would have made of it unboxed, if it is this crate's, the contract's or a JSON error. Any other is a
/// [`retry`] with its text and those of its causes; with an [`Error`] among its causes, it is what that says.
impl From<Box<dyn StdError>> for Error {
    fn from(error: Box<dyn StdError>) -> Error {
        let known = unboxed::<Error>(error)
            .or_else(unboxed::<Failure>)
            .or_else(unboxed::<Refusal>)
            .or_else(unboxed::<OutputRefusal>)
            .or_else(unboxed::<serde_json::Error>);
        known.unwrap_or_else(|other| decided(&*other))
    }
}

/// The same.
impl From<Box<dyn StdError + Send + Sync>> for Error {
    fn from(error: Box<dyn StdError + Send + Sync>) -> Error {
        let error: Box<dyn StdError> = error;
        error.into()
    }
}

/// So that a handler may return one.
impl From<Box<dyn StdError>> for Failure {
    fn from(error: Box<dyn StdError>) -> Failure {
        Error::from(error).into()
    }
}

/// The same.
impl From<Box<dyn StdError + Send + Sync>> for Failure {
    fn from(error: Box<dyn StdError + Send + Sync>) -> Failure {
        Error::from(error).into()
    }
}

fn unboxed<E: StdError + Into<Error> + 'static>(
    error: Box<dyn StdError>,
) -> Result<Error, Box<dyn StdError>> {
    error.downcast::<E>().map(|error| (*error).into())
}

fn decided(error: &(dyn StdError + 'static)) -> Error {
    let mut text = error.to_string();
    let mut decision = None;
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let why = cause.to_string();
        // Many an error says what its cause says.
        if !text.ends_with(&why) {
            text = format!("{text}: {why}");
        }
        decision = decision.or_else(|| cause.downcast_ref::<Error>());
    }
    match decision {
        Some(Error::Reject(_)) => reject(text),
        Some(Error::Retry(_)) | None => retry(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{End, Host, message};
    use crate::{Message, commit, emit};
    use std::fmt;

    #[derive(Debug)]
    struct While(&'static str, Box<dyn StdError + Send + Sync>);

    impl fmt::Display for While {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for While {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&*self.1)
        }
    }

    fn of(error: impl StdError + Send + Sync + 'static) -> Error {
        Error::from(Box::<dyn StdError + Send + Sync>::from(error))
    }

    #[test]
    fn any_other_error_is_a_retry_with_its_causes() {
        let number = "x".parse::<u32>().expect_err("no number");
        assert_eq!(of(number.clone()), retry("invalid digit found in string"));
        let nested = While("starting", Box::new(While("reading the limit", Box::new(number))));
        assert_eq!(of(nested), retry("starting: reading the limit: invalid digit found in string"));
        let repeats = While("starting: no", Box::new(While("no", "no".into())));
        assert_eq!(of(repeats), retry("starting: no"));
    }

    #[test]
    fn the_sdk_s_own_errors_are_what_they_are_unboxed() {
        for error in [retry("later"), reject("never")] {
            assert_eq!(of(error.clone()), error);
            assert_eq!(of(Failure::from(error.clone())), error);
            let text = format!("while paying: {error}");
            assert_eq!(of(While("while paying", Box::new(error.clone()))).to_string(), text);
            assert_eq!(of(While("while paying", Box::new(error.clone()))).is_reject(), error.is_reject());
        }
        assert_eq!(of(Refusal::NotClaimed), Refusal::NotClaimed.into());
        assert_eq!(of(OutputRefusal::TooMany(3)), OutputRefusal::TooMany(3).into());
        let json = || serde_json::from_str::<u32>("{").expect_err("cut");
        assert_eq!(of(json()), json().into());
    }

    #[test]
    fn a_handler_may_return_boxes_of_either_kind() {
        fn plain(message: Message) -> Result<(), Box<dyn StdError>> {
            let key: String = message.json()?;
            let number: u32 = key.parse()?;
            commit(&number.to_string())?;
            Ok(())
        }
        fn sent(_: Message) -> Result<(), Box<dyn StdError + Send + Sync>> {
            emit("").bytes("")?;
            Ok(())
        }
        let mut host = Host::new();
        assert_eq!(
            host.deliver(plain, message("\"x\"")),
            End::Retried("invalid digit found in string".into())
        );
        let unclaimed = "commit of a key that this invocation has not claimed";
        assert_eq!(host.deliver(plain, message("\"7\"")), End::Rejected(unclaimed.into()));
        assert_eq!(host.deliver(plain, message("7")).end.reason().get(..9), Some("payload: "));
        let refused = "output refused: the topic is empty";
        assert_eq!(host.deliver(sent, message("")), End::Rejected(refused.into()));
    }
}

//! What an error of Redis means for the call that met it.

use redis::RedisError;

use crate::Secret;
use crate::text::shown;

/// How much of a server's error is shown, in bytes.
const SHOWN_BYTES: usize = 300;

/// Shorter passwords are not looked for in errors: taking out every `e` would spell them.
const SHORTEST_SOUGHT_BYTES: usize = 4;

/// What an error means. Each but [`Failure::NoScript`] says why in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer came: whether the call had its effect is unknown.
    Unknown(String),
    /// Nothing was done, because the server cannot do it yet; this connection is as good as any.
    NotYet(String),
    /// Nothing was done, because this server is not the one to ask any more.
    WrongServer(String),
    /// Nothing was done, because another server of the cluster holds the slot now.
    Moved(String),
    /// The server does not know the script; nothing was done.
    NoScript,
    /// The server will not do it.
    Refused(String),
}

impl Failure {
    /// What `error` means. `password` is taken out of its text.
    pub fn of(error: &RedisError, password: Option<&Secret>) -> Self {
        let Some(code) = error.code() else { return Failure::Unknown(explained(error, password)) };
        let why = said(code, error.detail(), password);
        match code {
            "NOSCRIPT" => Failure::NoScript,
            // ASK is not followed: while a slot is on its way, some of its keys are here and some are there.
            "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN" | "ASK" => Failure::NotYet(why),
            "READONLY" => Failure::WrongServer(why),
            "MOVED" => Failure::Moved(why),
            _ => Failure::Refused(why),
        }
    }
}

/// An error in words, escaped and bounded: a server's answer with its code in front, or why there was none.
pub fn explained(error: &RedisError, password: Option<&Secret>) -> String {
    match error.code() {
        Some(code) => said(code, error.detail(), password),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None => cleaned(&error.to_string(), password),
    }
}

fn said(code: &str, detail: Option<&str>, password: Option<&Secret>) -> String {
    cleaned(&format!("{code} {}", detail.unwrap_or_default()), password)
}

/// A server's words without a password in them. A server that does not know a command repeats its arguments,
/// and those of AUTH are a password, perhaps cut short.
fn cleaned(text: &str, password: Option<&Secret>) -> String {
    let text = text.split_once("with args beginning").map_or(text, |(before, _)| before);
    let text = text.trim_end_matches([',', ' ']);
    let sought = password.map(Secret::reveal).filter(|sought| sought.len() >= SHORTEST_SOUGHT_BYTES);
    let text = sought.map_or(text.to_owned(), |sought| text.replace(sought, "***"));
    shown(text.as_bytes(), SHOWN_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::{ErrorKind, Value, parse_redis_value};

    fn failure(answer: &str) -> Failure {
        let error = match parse_redis_value(format!("-{answer}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => RedisError::from(error),
            other => panic!("{other:?}"),
        };
        Failure::of(&error, Some(&Secret::new("hunter2")))
    }

    #[test]
    fn a_servers_state_is_no_fault_of_the_calls() {
        assert!(matches!(failure("LOADING Redis is loading"), Failure::NotYet(_)));
        assert!(matches!(failure("BUSY Redis is busy running a script"), Failure::NotYet(_)));
        assert!(matches!(failure("READONLY You can't write"), Failure::WrongServer(_)));
        assert!(matches!(failure("MOVED 1 127.0.0.1:7001"), Failure::Moved(_)));
        for word in ["ASK 1 127.0.0.1:7001", "TRYAGAIN Multiple keys", "CLUSTERDOWN Hash slot not served"] {
            assert!(matches!(failure(word), Failure::NotYet(_)), "{word}");
        }
        assert!(matches!(failure("NOSCRIPT No matching script"), Failure::NoScript));
        assert_eq!(failure("OOM out of memory"), Failure::Refused("OOM out of memory".to_owned()));
        assert!(matches!(failure("MISCONF errors writing"), Failure::Refused(_)));
        let broken = RedisError::from((ErrorKind::Parse, "garbage"));
        assert!(matches!(Failure::of(&broken, None), Failure::Unknown(_)));
    }

    #[test]
    fn a_password_that_the_server_repeats_is_not_shown() {
        for answer in [
            "ERR unknown command 'AUTH', with args beginning with: 'hunter2' ",
            "ERR unknown command 'AUTH', with args beginning with: 'hunt",
            "ERR what is hunter2",
        ] {
            let shown = format!("{:?}", failure(answer));
            assert!(!shown.contains("hunt"), "{shown}");
        }
    }
}

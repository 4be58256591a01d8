//! A password, which is never shown.

use std::fmt;

/// A password. Nothing that is made of it for people shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// The password itself, for the one who asks for it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A parameter that no URL of ours has, and that others' have.
const PARAMETER: &str = "password=";

/// A text in which no URL says who logs in: what stands between `://` and the last `@` before a blank, a quotation mark
/// or the end is `…`, and so is what follows `password=` in it. The last net for lines that quote what somebody wrote.
pub fn unsaid(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        let end =
            behind.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')).unwrap_or(behind.len());
        let (url, after) = behind.split_at(end);
        let (login, place) = url.split_at(url.rfind('@').unwrap_or(0));
        kept.push_str(before);
        kept.push_str(if login.is_empty() { "://" } else { "://…" });
        match place.split_once(PARAMETER) {
            Some((place, _)) => kept.extend([place, PARAMETER, "…"]),
            None => kept.push_str(place),
        }
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_in_a_line_says_who_logs_in() {
        for (text, expected) in [
            ("no url", "no url"),
            ("redis://h/0 is away", "redis://h/0 is away"),
            ("redis://:hunter2@h/0 is away", "redis://…@h/0 is away"),
            ("argument 'rediss://me:hun/t@er2@h' and x@y", "argument 'rediss://…@h' and x@y"),
            ("a://b@c d://e@f g", "a://…@c d://…@f g"),
            ("://@", "://@"),
            ("redis://h?password=hunter2&x=y or z", "redis://h?password=… or z"),
        ] {
            assert_eq!(unsaid(text), expected);
        }
    }
}

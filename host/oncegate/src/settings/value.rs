//! What a setting's text means.

use std::fmt;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A file's name.
    Path,
    /// A file's name, `-`, or a URL.
    Place,
    /// A time with its unit.
    Duration,
    /// A number of bytes, with or without a unit.
    Bytes,
    /// A whole number.
    Count,
    /// True or false.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Several texts.
    List,
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, a path or a choice.
    Text(String),
    /// Milliseconds.
    Ms(u64),
    /// Bytes or a count.
    Number(u64),
    /// True or false.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

impl Kind {
    /// What is allowed, for help and errors.
    pub fn allowed(self) -> String {
        match self {
            Kind::Text => "a text".to_owned(),
            Kind::Path => "a file name".to_owned(),
            Kind::Place => "a file name, - or a URL".to_owned(),
            Kind::Duration => "a time such as \"500ms\", \"30s\", \"10m\", \"12h\" or \"7d\"".to_owned(),
            Kind::Bytes => "bytes, such as 4096, \"64KiB\", \"1MiB\" or \"1GiB\"".to_owned(),
            Kind::Count => "a whole number from 0 to 4294967295".to_owned(),
            Kind::Flag => "true or false".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::List => "a list of texts".to_owned(),
        }
    }

    /// What stands for the value in help.
    pub fn placeholder(self) -> &'static str {
        match self {
            Kind::Text | Kind::List => "TEXT",
            Kind::Path => "FILE",
            Kind::Place => "FILE|URL",
            Kind::Duration => "TIME",
            Kind::Bytes => "BYTES",
            Kind::Count => "NUMBER",
            Kind::Flag => "BOOL",
            Kind::Choice(_) => "WORD",
        }
    }

    /// Reads a text; none if it is not allowed.
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Kind::Text | Kind::Path | Kind::Place => (!text.is_empty()).then(|| Value::Text(text.to_owned())),
            Kind::Duration => with_unit(text, DURATIONS).map(Value::Ms),
            Kind::Bytes => match text.parse() {
                Ok(number) => Some(Value::Number(number)),
                Err(_) => with_unit(text, SIZES).map(Value::Number),
            },
            Kind::Count => text.parse::<u32>().ok().map(|number| Value::Number(number.into())),
            Kind::Flag => text.parse().ok().map(Value::Flag),
            Kind::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
            Kind::List => Some(Value::List(text.split(',').map(str::to_owned).collect())),
        }
    }

    /// Takes a number as the configuration file has it; none if it is not allowed. A time without a unit is
    /// not: milliseconds have been taken for seconds too often.
    pub fn number(self, number: i64) -> Option<Value> {
        match self {
            Kind::Bytes => u64::try_from(number).ok().map(Value::Number),
            Kind::Count => u32::try_from(number).ok().map(|number| Value::Number(number.into())),
            _ => None,
        }
    }
}

/// Longest first within each unit of measure, so that a value is shown in the largest unit that fits.
const DURATIONS: &[(&str, u64)] =
    &[("d", 24 * 60 * 60 * 1000), ("h", 60 * 60 * 1000), ("m", 60 * 1000), ("s", 1000), ("ms", 1)];
const SIZES: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn in_largest_unit(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| value >= *factor && value.is_multiple_of(*factor);
    match units.iter().find(fits).or(units.last()) {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => value.to_string(),
    }
}

/// Milliseconds as they may be written in a configuration: `1500ms`, `30s`, `7d`.
pub fn duration_text(ms: u64) -> String {
    in_largest_unit(ms, DURATIONS)
}

/// Milliseconds for people: the two largest units that count.
pub fn about(ms: u64) -> String {
    let Some(index) = DURATIONS.iter().position(|(_, factor)| ms >= *factor) else { return "0ms".to_owned() };
    let mut rest = ms;
    let mut text = String::new();
    for (unit, factor) in DURATIONS.iter().skip(index).take(2) {
        if rest >= *factor {
            text.push_str(&format!("{}{}{unit}", if text.is_empty() { "" } else { " " }, rest / factor));
            rest %= factor;
        }
    }
    text
}

/// Bytes as they may be written in a configuration: `1500B`, `64MiB`.
pub fn bytes_text(bytes: u64) -> String {
    in_largest_unit(bytes, SIZES)
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Ms(ms) => f.write_str(&duration_text(*ms)),
            Value::Number(number) => write!(f, "{number}"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::List(list) => f.write_str(&list.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_unit_and_have_no_overflow() {
        assert_eq!(Kind::Duration.parse("30s"), Some(Value::Ms(30_000)));
        assert_eq!(Kind::Duration.parse("30 s"), Some(Value::Ms(30_000)));
        assert_eq!(Kind::Duration.parse("0ms"), Some(Value::Ms(0)));
        for bad in ["30", "", "s", "-1s", "1.5s", "1S", "99999999999999999999d", "213503982335d"] {
            assert_eq!(Kind::Duration.parse(bad), None, "{bad:?}");
        }
        assert_eq!(Kind::Duration.number(30), None);
    }

    #[test]
    fn values_are_shown_as_they_may_be_written() {
        for text in ["7d", "90s", "1500ms", "0ms", "36h"] {
            let Some(Value::Ms(ms)) = Kind::Duration.parse(text) else { panic!("{text}") };
            assert_eq!(Kind::Duration.parse(&duration_text(ms)), Some(Value::Ms(ms)));
        }
        assert_eq!(bytes_text(64 << 20), "64MiB");
        for (ms, text) in
            [(0, "0ms"), (999, "999ms"), (61_000, "1m 1s"), (604_799_665, "6d 23h"), (3_600_000, "1h")]
        {
            assert_eq!(about(ms), text);
        }
        assert_eq!(bytes_text(1500), "1500B");
        assert_eq!(Kind::Bytes.parse("1500"), Some(Value::Number(1500)));
    }
}

//! Times as people and programs read them: RFC 3339, in UTC.

const SECOND_MS: u64 = 1000;
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Milliseconds since 1970-01-01 UTC as `2024-02-29T23:59:59.123Z`.
pub fn utc(ms: u64) -> String {
    let (seconds, ms) = (ms / SECOND_MS, ms % SECOND_MS);
    let (days, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The date that lies so many days after 1970-01-01. Years begin in March here, so that a leap day is the last of its
/// year, and eras of 400 years are all alike.
fn date(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let leap_days = day_of_era / 1460 + day_of_era / (ERA_DAYS - 1) - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // The months from March on have 153 days in each five.
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// Milliseconds since 1970-01-01 UTC of a time such as `2024-02-29T23:59:59Z` or `2024-02-29T23:59:59.123Z`; none
/// for any other form, and for a date that does not exist.
pub fn parse(text: &str) -> Option<u64> {
    let whole = match text.len() {
        20 => format!("{}.000Z", text.strip_suffix('Z')?),
        _ => text.to_owned(),
    };
    let number = |from: usize, to: usize| {
        let digits = whole.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, ms) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    let days = days(year, month, day)?;
    let time = ((days * 24 + hour) * 60 + minute) * 60 + second;
    let time_ms = time.checked_mul(SECOND_MS)?.checked_add(ms)?;
    // Nothing else is between the numbers, and no number is beyond its range.
    (utc(time_ms) == whole).then_some(time_ms)
}

/// The days from 1970-01-01 to a date, or to one that is not right if the date is not.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month > 2 { year } else { year.checked_sub(1)? };
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day;
    let leap_days = (year / 4 + year / 400).checked_sub(year / 100)?;
    // From 0000-03-01 to 1970-01-01, and the day before the month's first.
    (year * 365 + leap_days + day_of_year).checked_sub(719_468 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_written_as_everybody_writes_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_251_199_123, "2024-02-29T23:59:59.123Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc(ms), text);
            assert_eq!(parse(text), Some(ms));
            let second = text.replace(".000Z", "Z");
            assert_eq!(parse(&second), Some(ms));
        }
    }

    #[test]
    fn what_is_no_time_in_utc_is_none() {
        for text in [
            "",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00+00:00",
            "2024-01-01T00:00:00",
            "2024-01-01",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2024-01-01T00:00:00.0000Z",
            "+024-01-01T00:00:00Z",
            "ÄÄÄÄÄÄÄÄÄÄ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let leap =
            |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..400 * 366 {
            assert_eq!(date(days), (year, month, day));
            assert_eq!(super::days(year, month, day), Some(days));
            let length = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }
}

//! The end of a file that a crash may have left within a line.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::sink::SinkError;

use super::json;

/// How each line of ours begins.
const OUR_BEGINNING: &[u8] = b"{\"id\":\"";
/// How much is read at once while the last line break is looked for, in bytes.
const STEP: u64 = 64 * 1024;
/// How long a last line is looked into, in bytes. Longer ones are not ours.
const LONGEST: u64 = 32 << 20;

/// Makes `file`, which was opened for appending, end with a whole line, and says how long it then is.
///
/// A last line without a line break is
/// - completed with one if it is a whole JSON value: another program has left it out;
/// - cut off if it begins like a line of ours and a whole line stands before it: a crash has left it, and
///   what was not written whole was never committed;
/// - refused otherwise, and left alone: it may be anyone's, above all in a file without a single line break.
pub(super) fn mend(file: &mut File, path: &Path) -> Result<u64, SinkError> {
    let shown = || path.display().to_string();
    let cannot = |cause| SinkError::Prepare { path: shown(), cause };
    let length = file.metadata().map_err(cannot)?.len();
    let Some(start) = last_line(file, length).map_err(cannot)? else {
        return Err(SinkError::TornLine { path: shown() });
    };
    let mut line = vec![0; (length - start) as usize];
    file.read_exact_at(&mut line, start).map_err(cannot)?;
    if line.is_empty() {
        return Ok(length);
    }
    if std::str::from_utf8(&line).is_ok_and(|text| json::validate(text).is_ok()) {
        file.write_all(b"\n").map_err(cannot)?;
        return Ok(length + 1);
    }
    let ours = line.starts_with(OUR_BEGINNING) || OUR_BEGINNING.starts_with(&line);
    if start == 0 || !ours {
        return Err(SinkError::TornLine { path: shown() });
    }
    file.set_len(start).and_then(|()| file.sync_all()).map_err(cannot)?;
    Ok(start)
}

/// Where the bytes after the last line break begin; `None` if that is too far back.
fn last_line(file: &File, length: u64) -> io::Result<Option<u64>> {
    let mut end = length;
    while end > 0 && length - end < LONGEST {
        let start = end.saturating_sub(STEP);
        let mut bytes = vec![0; (end - start) as usize];
        file.read_exact_at(&mut bytes, start)?;
        if let Some(at) = memchr::memrchr(b'\n', &bytes) {
            return Ok(Some(start + at as u64 + 1));
        }
        end = start;
    }
    Ok((end == 0).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};

    /// What `mend` makes of a file, or nothing if it refuses; then the file must be as before.
    fn mended(content: &[u8]) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, content).unwrap();
        let mut file = OpenOptions::new().read(true).append(true).open(&path).unwrap();
        let result = mend(&mut file, &path);
        let after = fs::read(&path).unwrap();
        match result {
            Ok(length) => {
                assert_eq!(length, after.len() as u64);
                Some(after)
            }
            Err(error) => {
                assert!(matches!(error, SinkError::TornLine { .. }), "{error}");
                assert_eq!(after, content);
                None
            }
        }
    }

    #[test]
    fn whole_lines_are_left_alone() {
        for content in [&b""[..], b"\n", b"{\"id\":\"1\"}\n", b"any text\n"] {
            assert_eq!(mended(content).as_deref(), Some(content));
        }
    }

    #[test]
    fn a_whole_value_without_its_line_break_gets_one() {
        assert_eq!(mended(b"{\"a\":1}").as_deref(), Some(&b"{\"a\":1}\n"[..]));
        assert_eq!(mended(b"1\n{\"id\":\"1\"}").as_deref(), Some(&b"1\n{\"id\":\"1\"}\n"[..]));
    }

    #[test]
    fn a_torn_line_of_ours_is_cut_off() {
        for torn in [
            &b"{"[..],
            b"{\"id",
            b"{\"id\":\"1\",\"top",
            &[b"{\"id\":\"".as_slice(), &[b'x'; 200_000]].concat(),
        ] {
            assert_eq!(mended(&[b"1\n", torn].concat()).as_deref(), Some(&b"1\n"[..]));
        }
    }

    #[test]
    fn a_fragment_that_may_be_anyones_is_refused() {
        for content in [&b"1\nhalf a li"[..], b"1\n{\"a\":", b"{\"id\":\"1\",\"top", b"text", b"1\n\xff"] {
            assert_eq!(mended(content), None);
        }
        assert_eq!(mended(&vec![b'x'; LONGEST as usize + 100_000]), None);
    }
}

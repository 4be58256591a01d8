//! Dead letters in a file: lines that are read and never changed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Cursor};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use oncegate_broker::{Delivery, InputFormat, NdjsonSource};

use super::Letter;

/// The longest line that is read. A dead letter is a message and what the host says of it.
const LINE_LIMIT: usize = 64 << 20;

/// The dead letters of a file, in their order.
#[derive(Debug)]
pub struct FileLetters {
    lines: std::io::Split<BufReader<File>>,
    number: u64,
}

impl FileLetters {
    /// Opens the file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("the dead letters {} cannot be read", path.display()))?;
        Ok(Self { lines: BufReader::new(file).split(b'\n'), number: 0 })
    }
}

impl Iterator for FileLetters {
    type Item = (String, Result<Letter>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.next()?;
            self.number += 1;
            let id = self.number.to_string();
            match line {
                Ok(line) if line.trim_ascii().is_empty() => {}
                Ok(line) => return Some((id.clone(), letter(id, line))),
                Err(error) => return Some((id, Err(error.into()))),
            }
        }
    }
}

fn letter(id: String, line: Vec<u8>) -> Result<Letter> {
    let mut source = NdjsonSource::from_reader("dead", Cursor::new(line), InputFormat::Envelope, LINE_LIMIT);
    match source.receive(1)?.pop() {
        Some(Delivery::Message(message)) => Ok(Letter::new(id, None, message)),
        Some(Delivery::Malformed(malformed)) => bail!("it is no dead letter: {}", malformed.reason),
        None => bail!("it is empty"),
    }
}

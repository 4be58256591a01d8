//! What a client sends, command by command, in whatever pieces it comes.

/// Reads what a client sends to a Redis.
#[derive(Debug, Default)]
pub struct Requests {
    /// The beginning of a command whose end has not come yet.
    begun: Vec<u8>,
}

impl Requests {
    /// The names, in capitals, of the commands that end in this piece.
    pub fn completed_by(&mut self, piece: &[u8]) -> Vec<String> {
        self.begun.extend_from_slice(piece);
        let mut names = Vec::new();
        let mut at = 0;
        while let Some((name, length)) = first(&self.begun[at..]) {
            names.push(name);
            at += length;
        }
        self.begun.drain(..at);
        names
    }
}

/// Name and length of the command at the beginning of `bytes`, if all of it is there.
fn first(bytes: &[u8]) -> Option<(String, usize)> {
    let (words, mut at) = number(bytes, b'*')?;
    let mut name = None;
    for _ in 0..words {
        let (length, head) = number(bytes.get(at..)?, b'$')?;
        let word = bytes.get(at + head..at + head + length)?;
        name.get_or_insert_with(|| String::from_utf8_lossy(word).to_ascii_uppercase());
        at += head + length + 2;
    }
    (at <= bytes.len()).then(|| (name.unwrap_or_default(), at))
}

/// The number in a line that begins with `sign`, and the length of the line.
fn number(bytes: &[u8], sign: u8) -> Option<(usize, usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (first, digits) = bytes.get(..end)?.split_first()?;
    assert_eq!(*first, sign, "a client sends lists of strings only");
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart_however_they_are_cut_into_pieces() {
        let sent = b"*1\r\n$4\r\nping\r\n*3\r\n$7\r\nEVALSHA\r\n$9\r\n*1\r\n$1\r\nx\r\n$0\r\n\r\n*2\r\n$4\r\nxadd\r\n$1\r\ns\r\n";
        for length in 1..=sent.len() {
            let mut requests = Requests::default();
            let names: Vec<String> =
                sent.chunks(length).flat_map(|piece| requests.completed_by(piece)).collect();
            assert_eq!(names, ["PING", "EVALSHA", "XADD"], "pieces of {length}");
        }
    }
}

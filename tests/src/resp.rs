//! What Redis and its clients say to each other, as far as a wire has to understand it.

/// The length of the first whole frame; none if there is none yet.
pub fn frame(bytes: &[u8]) -> Option<usize> {
    let line = 1 + bytes.get(1..)?.windows(2).position(|pair| pair == b"\r\n")?;
    let end = line + 2;
    let number = || std::str::from_utf8(&bytes[1..line]).ok()?.parse::<i64>().ok();
    match bytes[0] {
        // A length of -1 is how the older protocol says nothing.
        b'$' | b'=' | b'!' => match usize::try_from(number()?) {
            Ok(length) => Some(end + length + 2).filter(|&whole| bytes.len() >= whole),
            Err(_) => Some(end),
        },
        b'*' | b'~' | b'>' => frames(bytes, end, number()?),
        b'%' | b'|' => frames(bytes, end, 2 * number()?),
        _ => Some(end),
    }
}

fn frames(bytes: &[u8], from: usize, count: i64) -> Option<usize> {
    (0..count).try_fold(from, |at, _| Some(at + frame(&bytes[at..])?))
}

/// The words of a command that is one whole frame.
pub fn words(command: &[u8]) -> Vec<&[u8]> {
    let mut words = Vec::new();
    let mut at = line_end(command);
    while at < command.len() {
        let length = frame(&command[at..]).expect("a command is whole");
        let start = at + line_end(&command[at..]);
        words.push(&command[start..at + length - 2]);
        at += length;
    }
    words
}

fn line_end(bytes: &[u8]) -> usize {
    2 + bytes.windows(2).position(|pair| pair == b"\r\n").expect("a line ends")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_whole_and_never_in_pieces() {
        let whole: [&[u8]; 9] = [
            b"+OK\r\n",
            b":12\r\n",
            b"$5\r\na\r\nbc\r\n",
            b"$-1\r\n",
            b"_\r\n",
            b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
            b"%1\r\n+a\r\n*0\r\n",
            b">2\r\n+message\r\n$0\r\n\r\n",
            b"*-1\r\n",
        ];
        for bytes in whole {
            let with_next = [bytes, b"+next\r\n"].concat();
            assert_eq!(frame(&with_next), Some(bytes.len()));
            for cut in 0..bytes.len() {
                assert_eq!(frame(&bytes[..cut]), None, "{:?} cut at {cut}", String::from_utf8_lossy(bytes));
            }
        }
    }

    #[test]
    fn words_are_what_was_asked() {
        assert_eq!(words(b"*2\r\n$4\r\nECHO\r\n$3\r\n\r\na\r\n"), [&b"ECHO"[..], b"\r\na"]);
    }
}

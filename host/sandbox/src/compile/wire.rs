//! What a compile child is asked and what it answers: one frame each way.

use std::io::{self, Read, Write};

use super::target::Target;

const QUESTION: &[u8; 8] = b"ogask\0\0\x01";
const ANSWER: &[u8; 8] = b"ogsay\0\0\x01";
const QUESTION_HEAD: usize = 8 + 1 + 8;
const ANSWER_HEAD: usize = 8 + 1 + 8;

/// What is asked, without the component, which follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) target: Target,
    /// How long the component is, in bytes.
    pub(crate) length: u64,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Machine code.
    Code(Vec<u8>),
    /// Why it is no valid component.
    Invalid(String),
    /// The memory did not suffice.
    OutOfMemory,
    /// The child could not even begin.
    Unfit(String),
}

impl Question {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut head = Vec::with_capacity(QUESTION_HEAD);
        head.extend_from_slice(QUESTION);
        head.push(self.target.code());
        head.extend_from_slice(&self.length.to_le_bytes());
        to.write_all(&head)
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = Head::<QUESTION_HEAD>::read(from, QUESTION)?;
        let target = Target::of(head.byte()).ok_or_else(foreign)?;
        Ok(Self { target, length: head.number() })
    }
}

impl Answer {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (kind, body): (u8, &[u8]) = match self {
            Self::Code(code) => (0, code),
            Self::Invalid(why) => (1, why.as_bytes()),
            Self::OutOfMemory => (2, b""),
            Self::Unfit(why) => (3, why.as_bytes()),
        };
        let mut head = Vec::with_capacity(ANSWER_HEAD);
        head.extend_from_slice(ANSWER);
        head.push(kind);
        head.extend_from_slice(&(body.len() as u64).to_le_bytes());
        to.write_all(&head)?;
        to.write_all(body)?;
        to.flush()
    }

    /// Reads an answer of at most so many bytes; none if it is longer. Whoever writes it may be hostile: what is
    /// kept is what came, never what was announced.
    pub(crate) fn read(from: &mut impl Read, most: u64) -> io::Result<Option<Self>> {
        let mut head = Head::<ANSWER_HEAD>::read(from, ANSWER)?;
        let (kind, length) = (head.byte(), head.number());
        if length > most {
            return Ok(None);
        }
        let mut body = Vec::new();
        from.take(length).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
        Ok(Some(match kind {
            0 => Self::Code(body),
            1 => Self::Invalid(text(body)),
            2 => Self::OutOfMemory,
            3 => Self::Unfit(text(body)),
            _ => return Err(foreign()),
        }))
    }
}

/// A frame's fixed part, taken from front to back.
struct Head<const N: usize> {
    bytes: [u8; N],
    next: usize,
}

impl<const N: usize> Head<N> {
    fn read(from: &mut impl Read, kind: &[u8; 8]) -> io::Result<Self> {
        let mut bytes = [0; N];
        from.read_exact(&mut bytes)?;
        match bytes.starts_with(kind) {
            true => Ok(Self { bytes, next: kind.len() }),
            false => Err(foreign()),
        }
    }

    fn byte(&mut self) -> u8 {
        self.next += 1;
        self.bytes.get(self.next - 1).copied().unwrap_or_default()
    }

    fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, place| number | u64::from(self.byte()) << (8 * place))
    }
}

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is no frame of this version")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Memories;

    #[test]
    fn what_is_written_is_read() {
        let target = Target { memories: Memories::Small };
        let question = Question { target, length: 1 << 40 };
        let mut bytes = Vec::new();
        question.write(&mut bytes).unwrap();
        assert_eq!(Question::read(&mut bytes.as_slice()).unwrap(), question);
        let answers = [
            Answer::Code(vec![1, 2, 3]),
            Answer::Invalid("no".to_owned()),
            Answer::OutOfMemory,
            Answer::Unfit("why".to_owned()),
        ];
        for answer in answers {
            let mut bytes = Vec::new();
            answer.write(&mut bytes).unwrap();
            assert_eq!(Answer::read(&mut bytes.as_slice(), 3).unwrap(), Some(answer));
            for end in 0..bytes.len() {
                assert!(Answer::read(&mut &bytes[..end], 3).is_err(), "cut at {end}");
            }
        }
    }

    #[test]
    fn an_answer_is_not_believed_in_what_it_announces() {
        let mut bytes = Vec::new();
        Answer::Code(vec![0; 10]).write(&mut bytes).unwrap();
        assert_eq!(Answer::read(&mut bytes.as_slice(), 9).unwrap(), None);
        bytes[9..17].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(Answer::read(&mut bytes.as_slice(), 1 << 30).unwrap(), None);
        assert!(
            Answer::read(&mut bytes.as_slice(), u64::MAX).is_err(),
            "no room is made for what never comes"
        );
        bytes[8] = 9;
        bytes[9..17].copy_from_slice(&10u64.to_le_bytes());
        assert!(Answer::read(&mut bytes.as_slice(), 10).is_err(), "an answer of no kind");
        assert!(Answer::read(&mut b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), 10).is_err());
    }
}

//! What a call asks for, read from its words.

/// Words of a command.
type Words<'w, 'a> = &'w [&'a [u8]];

/// The keys and the arguments of a script's call.
fn parts<'w, 'a>(words: Words<'w, 'a>) -> Option<(Words<'w, 'a>, Words<'w, 'a>)> {
    let count: usize = number(words.get(2)?)?;
    Some((words.get(3..3 + count)?, words.get(3 + count..)?))
}

fn number(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

/// The keys of a script's call.
pub fn keys<'w, 'a>(words: &'w [&'a [u8]]) -> &'w [&'a [u8]] {
    parts(words).map(|(keys, _)| keys).unwrap_or_default()
}

/// The names of the records of each delivery that is checked or marked.
pub fn settlements<'a>(words: &[&'a [u8]]) -> Vec<Vec<&'a [u8]>> {
    let Some((keys, args)) = parts(words) else { return Vec::new() };
    let (mut key, mut arg, mut found) = (0, 0, Vec::new());
    // Behind the last one there is one argument more.
    while arg + 1 < args.len() {
        let Some(header) = number(args[arg]) else { break };
        let count = header / 2;
        let Some(records) = keys.get(key..key + count) else { break };
        found.push(records.to_vec());
        (key, arg) = (key + count, arg + 1 + 2 * count);
    }
    found
}

/// An entry that is appended.
#[derive(Debug, PartialEq, Eq)]
pub struct Appended {
    /// To which stream.
    pub stream: String,
    /// Its id as an output, or that of the message that died.
    pub id: String,
}

/// The entries that a call appends.
pub fn appended(words: &[&[u8]]) -> Vec<Appended> {
    let Some((keys, args)) = parts(words) else { return Vec::new() };
    let (mut at, mut found) = (0, Vec::new());
    for stream in keys {
        let Some(count) = args.get(at).and_then(|word| number(word)) else { break };
        let Some(fields) = args.get(at + 1..at + 1 + count) else { break };
        let id = fields.chunks(2).find(|field| field[0] == b"id").and_then(|field| field.get(1));
        found.push(Appended { stream: text(stream), id: id.map(|id| text(id)).unwrap_or_default() });
        at += 1 + count;
    }
    found
}

/// An entry of a source that somebody wants to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Of which stream.
    pub stream: String,
    /// Which one.
    pub entry: String,
}

/// The entries that a call acknowledges, one after the other.
pub fn acknowledged(words: &[&[u8]]) -> Vec<Ended> {
    let Some((keys, args)) = parts(words) else { return Vec::new() };
    let ended = |(stream, args): (&&[u8], &[&[u8]])| Ended { stream: text(stream), entry: text(args[2]) };
    keys.iter().zip(args.chunks_exact(4)).map(ended).collect()
}

/// The entries that a call takes over.
pub fn taken(words: Words<'_, '_>) -> Vec<Ended> {
    let Some((keys, args)) = parts(words) else { return Vec::new() };
    let taken = |(stream, args): (&&[u8], &[&[u8]])| Ended { stream: text(stream), entry: text(args[3]) };
    keys.iter().zip(args.chunks_exact(7)).map(taken).collect()
}

/// The entries that a call settles in one step each.
pub fn settled(words: &[&[u8]]) -> Vec<Ended> {
    let Some((keys, args)) = parts(words) else { return Vec::new() };
    let (mut key, mut arg, mut found, mut stream) = (0, 0, Vec::new(), "");
    while arg + 1 < args.len() {
        if args[arg].is_empty() {
            let Some(name) = keys.get(key) else { break };
            stream = std::str::from_utf8(name).unwrap_or_default();
            (key, arg) = (key + 1, arg + 3);
            continue;
        }
        let Some(records) = args.get(arg + 2).and_then(|word| number(word)).map(|header| header / 2) else {
            break;
        };
        let mut at = arg + 3 + 2 * records;
        let Some(outputs) = args.get(at).and_then(|word| number(word)) else { break };
        for _ in 0..outputs {
            at += 1 + args.get(at + 1).and_then(|word| number(word)).unwrap_or(0);
        }
        found.push(Ended { stream: stream.to_owned(), entry: text(args[arg]) });
        (key, arg) = (key + records + outputs, at + 1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&[u8]> {
        text.split(' ').map(|word| if word == "_" { &b""[..] } else { word.as_bytes() }).collect()
    }

    #[test]
    fn records_are_found_delivery_by_delivery() {
        // Two keys, then none, then one that accepts an absent record; what stands last is no delivery.
        let call = words("EVALSHA x 3 a b c 4 r 1 r 1 0 3 r 1 0");
        assert_eq!(settlements(&call), [vec![&b"a"[..], b"b"], vec![], vec![b"c"]]);
    }

    #[test]
    fn appended_entries_are_found_by_their_ids() {
        let call = words("EVALSHA x 2 s t 4 id i1 payload p 4 payload id id i2 0");
        let found = appended(&call);
        let of = |stream: &str, id: &str| Appended { stream: stream.to_owned(), id: id.to_owned() };
        assert_eq!(found, [of("s", "i1"), of("t", "i2")]);
    }

    #[test]
    fn entries_that_are_ended_or_taken_over_are_found() {
        let of = |entry: &str| Ended { stream: "s".to_owned(), entry: entry.to_owned() };
        let call = words("EVALSHA x 2 s s g c 1-0 1 g c 2-0 1 0");
        assert_eq!(acknowledged(&call), [of("1-0"), of("2-0")]);
        let call = words("EVALSHA x 2 s s g c o 1-0 1 9 2 g c o 2-0 1 9 2 0");
        assert_eq!(taken(&call), [of("1-0"), of("2-0")]);
        // One with a key and an output, one with nothing, and the first of another part.
        let call = words(
            "EVALSHA x 5 s k out s k2 _ g c 1-0 1 2 r 9 1 4 id a payload b 2-0 1 0 0 _ g c 3-0 2 3 r 9 0 0",
        );
        assert_eq!(settled(&call), [of("1-0"), of("2-0"), of("3-0")]);
    }
}

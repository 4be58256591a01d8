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

/// The names of the records of each delivery that is checked or marked. None if the call is not understood, here and
/// below: what a call looks like is for the hosts to decide, and this has to follow.
pub fn settlements<'a>(words: Words<'_, 'a>) -> Option<Vec<Vec<&'a [u8]>>> {
    let (keys, args) = parts(words)?;
    let (mut key, mut arg, mut found) = (0, 0, Vec::new());
    // Behind the last one there is one argument more.
    while arg + 1 < args.len() {
        let count = number(args[arg])? / 2;
        found.push(keys.get(key..key + count)?.to_vec());
        (key, arg) = (key + count, arg + 1 + 2 * count);
    }
    is_all((keys, args), key, arg).then_some(found)
}

/// Whether everything was read up to here: only one argument is left.
fn is_all((keys, args): (Words<'_, '_>, Words<'_, '_>), key: usize, arg: usize) -> bool {
    key == keys.len() && arg + 1 == args.len()
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
pub fn appended(words: Words<'_, '_>) -> Option<Vec<Appended>> {
    let (keys, args) = parts(words)?;
    let (mut at, mut found) = (0, Vec::new());
    for stream in keys {
        let count = number(args.get(at)?)?;
        let fields = args.get(at + 1..at + 1 + count)?;
        let id = fields.chunks(2).find(|field| field[0] == b"id").and_then(|field| field.get(1))?;
        found.push(Appended { stream: text(stream), id: text(id) });
        at += 1 + count;
    }
    is_all((keys, args), keys.len(), at).then_some(found)
}

/// An entry of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Of which stream.
    pub stream: String,
    /// Which one.
    pub entry: String,
}

/// The entries that a call acknowledges, one after the other.
pub fn acknowledged(words: Words<'_, '_>) -> Option<Vec<Ended>> {
    each(words, 4, 2)
}

/// The entries that a call takes over.
pub fn taken(words: Words<'_, '_>) -> Option<Vec<Ended>> {
    each(words, 7, 3)
}

/// The entries of a call with so many arguments for each of its keys, of which this one is the entry.
fn each(words: Words<'_, '_>, count: usize, which: usize) -> Option<Vec<Ended>> {
    let (keys, args) = parts(words)?;
    let ended = |(stream, args): (&&[u8], &[&[u8]])| Ended { stream: text(stream), entry: text(args[which]) };
    let found = keys.iter().zip(args.chunks_exact(count)).map(ended).collect();
    is_all((keys, args), keys.len(), count * keys.len()).then_some(found)
}

/// The entries that a call settles in one step each.
pub fn settled(words: Words<'_, '_>) -> Option<Vec<Ended>> {
    let (keys, args) = parts(words)?;
    let (mut key, mut arg, mut found, mut stream) = (0, 0, Vec::new(), "");
    while arg + 1 < args.len() {
        if args[arg].is_empty() {
            stream = std::str::from_utf8(keys.get(key)?).ok()?;
            (key, arg) = (key + 1, arg + 3);
            continue;
        }
        let records = number(args.get(arg + 2)?)? / 2;
        let mut at = arg + 3 + 2 * records;
        let marks = number(args.get(at)?)?;
        at += 1 + marks;
        let outputs = number(args.get(at)?)?;
        for _ in 0..outputs {
            at += 1 + number(args.get(at + 1)?)?;
        }
        found.push(Ended { stream: stream.to_owned(), entry: text(args[arg]) });
        (key, arg) = (key + records + marks + outputs, at + 1);
    }
    is_all((keys, args), key, arg).then_some(found)
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
        assert_eq!(settlements(&call).unwrap(), [vec![&b"a"[..], b"b"], vec![], vec![b"c"]]);
    }

    #[test]
    fn appended_entries_are_found_by_their_ids() {
        let call = words("EVALSHA x 2 s t 4 id i1 payload p 4 payload id id i2 0");
        let found = appended(&call).unwrap();
        let of = |stream: &str, id: &str| Appended { stream: stream.to_owned(), id: id.to_owned() };
        assert_eq!(found, [of("s", "i1"), of("t", "i2")]);
    }

    #[test]
    fn entries_that_are_ended_or_taken_over_are_found() {
        let of = |entry: &str| Ended { stream: "s".to_owned(), entry: entry.to_owned() };
        let call = words("EVALSHA x 2 s s g c 1-0 1 g c 2-0 1 0");
        assert_eq!(acknowledged(&call).unwrap(), [of("1-0"), of("2-0")]);
        let call = words("EVALSHA x 2 s s g c o 1-0 1 9 2 g c o 2-0 1 9 2 0");
        assert_eq!(taken(&call).unwrap(), [of("1-0"), of("2-0")]);
        // One with a key and an output, one that relies on a mark, and the first of another part.
        let call = words(
            "EVALSHA x 6 s k out m s k2 _ g c 1-0 1 2 r 9 0 1 4 id a payload b 2-0 1 0 1 told 0 _ g c 3-0 2 3 r 9 0 0 0",
        );
        assert_eq!(settled(&call).unwrap(), [of("1-0"), of("2-0"), of("3-0")]);
    }

    #[test]
    fn a_call_of_another_shape_is_not_understood() {
        for call in ["EVALSHA x 2 a b 2 r 1 0", "EVALSHA x 1 a 2 r 1 x 0", "EVALSHA x 1 a 4 r 1 r 1 0"] {
            assert_eq!(settlements(&words(call)), None, "{call}");
        }
        assert_eq!(appended(&words("EVALSHA x 1 s 4 payload p key k 0")), None);
        assert_eq!(acknowledged(&words("EVALSHA x 2 s s g c 1-0 1 0")), None);
        assert_eq!(settled(&words("EVALSHA x 2 s k _ g c 1-0 1 2 r 9 0 0")), None);
    }
}

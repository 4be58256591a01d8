//! One dead letter.

use anyhow::{Context as _, Result, bail};
use oncegate_broker::{
    HOST_HEADER_PREFIX, Header, MALFORMED_HEADER, MOST_FIELDS, Message, Output, REASON_HEADER,
};
use oncegate_dedup::{Fence, Key, Namespace};
use serde_json::Value;

use crate::key_text;
use crate::outputs::{FENCE_HEADER, KEY_HEADER};

/// The fields of a stream's entry: names and values, in their order.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// How the names of fields begin that hold headers.
const HEADER_PREFIX: &[u8] = b"header:";

/// A dead letter.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What it is called where it lies: the entry's id in a stream, the number of its line in a file.
    pub id: String,
    /// When it became one, in milliseconds since 1970; none where that is not recorded.
    pub died_ms: Option<u64>,
    /// The message's own id.
    pub message_id: String,
    /// The message's topic.
    pub topic: String,
    /// The message's key, as the broker has it.
    pub message_key: Option<String>,
    /// The message's own headers.
    pub headers: Vec<Header>,
    /// The message's payload.
    pub payload: Vec<u8>,
    /// What the host added: names and texts.
    pub host_headers: Vec<(String, String)>,
}

/// What a dead letter becomes when it is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resend {
    /// The message that it was.
    Message,
    /// The entry that it was, which was no message.
    Entry(Fields),
}

impl Letter {
    /// From what the source of dead letters read.
    pub fn new(id: String, died_ms: Option<u64>, message: Message) -> Self {
        let of_host = |header: &Header| header.name.starts_with(HOST_HEADER_PREFIX);
        let (host, headers) = message.headers.into_iter().partition::<Vec<_>, _>(of_host);
        let text = |header: Header| (header.name, String::from_utf8_lossy(&header.value).into_owned());
        Self {
            id,
            died_ms,
            message_id: message.id,
            topic: message.topic,
            message_key: message.key,
            headers,
            payload: message.payload,
            host_headers: host.into_iter().map(text).collect(),
        }
    }

    /// From an entry of a stream.
    pub fn of_entry(id: String, fields: Fields) -> Result<Self> {
        let (mut message, mut payload) = (empty(&id), None);
        for (name, value) in fields {
            match name.as_slice() {
                b"payload" => payload = Some(value),
                b"key" => message.key = Some(text(value)?),
                b"topic" => message.topic = text(value)?,
                b"id" => message.id = text(value)?,
                name => {
                    let name = name.strip_prefix(HEADER_PREFIX).context("it has fields of another kind")?;
                    message.headers.push(Header { name: text(name.to_vec())?, value });
                }
            }
        }
        message.payload = payload.context("it has no field payload")?;
        let died_ms = id.split('-').next().and_then(|ms| ms.parse().ok());
        Ok(Self::new(id, died_ms, message))
    }

    /// The first of the host's headers of this name.
    fn host_header(&self, name: &'static str) -> Option<&str> {
        self.host_texts(name).next()
    }

    fn host_texts(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.host_headers.iter().filter(move |(found, _)| found == name).map(|(_, text)| text.as_str())
    }

    /// Why it is a dead letter.
    pub fn reason(&self) -> &str {
        self.host_header(REASON_HEADER).unwrap_or("no reason is given")
    }

    /// The keys that it marked dead, as listings show them.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.host_texts(KEY_HEADER)
    }

    /// The keys that it marked dead, each with the fence by which it did. A text that several keys may be shown as
    /// stands for all of them: the fence tells which one it is.
    pub fn claims(&self, namespace: &Namespace) -> Result<Vec<(Vec<Key>, Fence)>> {
        let fences: Vec<&str> = self.host_texts(FENCE_HEADER).collect();
        let keys: Vec<&str> = self.keys().collect();
        if fences.len() != keys.len() {
            bail!("it names {} keys and {} fences", keys.len(), fences.len());
        }
        let claim = |(key, fence): (&str, &str)| {
            Ok((key_text::all(namespace, key)?, fence.parse().context("its fence cannot be read")?))
        };
        keys.into_iter().zip(fences).map(claim).collect()
    }

    /// What is to be sent, unless that cannot be said any more.
    pub fn resend(&self) -> Result<Resend> {
        match self.host_header(MALFORMED_HEADER) {
            None => Ok(Resend::Message),
            Some("entry") => self.entry().map(Resend::Entry).context(
                "it never was a message, and what was kept of its entry is not all of it: append a mended one \
                 yourself",
            ),
            Some(kind) => bail!(
                "it never was a message but a malformed {kind}: a mended one has to be sent by whoever made it"
            ),
        }
    }

    /// The fields of the entry that was no message, from its rendering in the payload.
    fn entry(&self) -> Result<Fields> {
        let fields: Vec<[Value; 2]> = serde_json::from_slice::<Vec<Vec<Value>>>(&self.payload)?
            .into_iter()
            .map(|field| <[Value; 2]>::try_from(field).ok().context("a field is no pair"))
            .collect::<Result<_>>()?;
        let fields = fields.into_iter().map(|[name, value]| Ok((bytes(&name)?, bytes(&value)?)));
        let fields = fields.collect::<Result<Fields>>()?;
        if fields.is_empty() || fields.len() > MOST_FIELDS {
            bail!("{} fields cannot be appended", fields.len());
        }
        Ok(fields)
    }

    /// The message as the fields of an entry.
    pub fn fields(&self) -> Fields {
        let field = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
        let mut fields =
            vec![field(b"id", self.message_id.as_bytes()), field(b"topic", self.topic.as_bytes())];
        fields.extend(self.message_key.as_ref().map(|key| field(b"key", key.as_bytes())));
        let header =
            |header: &Header| ([HEADER_PREFIX, header.name.as_bytes()].concat(), header.value.clone());
        fields.extend(self.headers.iter().map(header));
        fields.push(field(b"payload", &self.payload));
        fields
    }

    /// The message as a line of a file.
    pub fn line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        let output = Output {
            id: &self.message_id,
            topic: &self.topic,
            key: self.message_key.as_deref(),
            headers: &self.headers,
            payload: &self.payload,
        };
        oncegate_broker::encode(&output, &mut line);
        line
    }
}

fn empty(id: &str) -> Message {
    Message {
        id: id.to_owned(),
        topic: String::new(),
        key: None,
        headers: Vec::new(),
        payload: Vec::new(),
        published_ms: None,
        ticket: None,
    }
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).ok().context("it has a text that is not UTF-8")
}

/// A part of a rendered entry: a text, or `{"base64": "…"}`.
fn bytes(part: &Value) -> Result<Vec<u8>> {
    match (part, part.get("base64")) {
        (Value::String(text), _) => Ok(text.clone().into_bytes()),
        (_, Some(Value::String(text))) => base64(text).context("it is not base64"),
        _ => bail!("a part is neither text nor base64"),
    }
}

/// Bytes from base64 with its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &[u8])]) -> Fields {
        pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
    }

    #[test]
    fn a_letter_is_told_apart_from_what_the_host_wrote_on_it() {
        let message = [
            ("id", b"m1".as_slice()),
            ("topic", b"t"),
            ("key", b"k"),
            ("header:a", b"\xff"),
            ("header:a", b"2"),
            ("payload", b"\xfe"),
        ];
        let fence = "7-000102030405060708090a0b0c0d0e0f";
        let mut letter = message.to_vec();
        letter.insert(2, ("header:oncegate-reason", b"why"));
        letter.insert(3, ("header:oncegate-key", b"a\\nb"));
        letter.insert(4, ("header:oncegate-fence", fence.as_bytes()));
        let letter = Letter::of_entry("17-2".to_owned(), fields(&letter)).unwrap();
        assert_eq!((letter.died_ms, letter.reason()), (Some(17), "why"));
        assert_eq!(letter.fields(), fields(&message), "all of the message and nothing of the host's");
        let namespace = Namespace::new("n").unwrap();
        let claims = letter.claims(&namespace).unwrap();
        assert_eq!(claims, [(vec![Key::new(&namespace, b"a\nb")], fence.parse().unwrap())]);
        assert_eq!(letter.resend().unwrap(), Resend::Message);
    }

    #[test]
    fn a_malformed_entry_is_sent_with_the_fields_that_it_had_or_not_at_all() {
        let malformed = |payload: &[u8]| {
            let fields = fields(&[("header:oncegate-malformed", b"entry"), ("payload", payload)]);
            Letter::of_entry("1-1".to_owned(), fields).unwrap().resend()
        };
        let whole = malformed(br#"[["a","1"],[{"base64":"/w=="},""]]"#).unwrap();
        assert_eq!(whole, Resend::Entry(vec![(b"a".to_vec(), b"1".to_vec()), (b"\xff".to_vec(), vec![])]));
        for cut in [r#"[["a","1"#, "[]", r#"[["a"]]"#, r#"[["a",1]]"#, r#"[["a",{"base64":"*"}]]"#] {
            assert!(malformed(cut.as_bytes()).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_is_no_dead_letter_of_ours_is_refused() {
        for wrong in [fields(&[("id", b"1")]), fields(&[("payload", b""), ("other", b"")])] {
            assert!(Letter::of_entry("1-1".to_owned(), wrong).is_err());
        }
    }
}

//! Reads sinks independently of the host's own code.

use std::path::Path;

use serde_json::Value;

/// One line of an output or of the dead letters.
#[derive(Debug, Clone)]
pub struct Line(pub Value);

impl Line {
    /// The output's id.
    pub fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        self.0["topic"].as_str().unwrap()
    }

    /// The payload: JSON, or a string.
    pub fn payload(&self) -> &Value {
        &self.0["payload"]
    }

    /// A header that is a string.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0["headers"][name].as_str()
    }

    /// Why it is a dead letter.
    pub fn reason(&self) -> &str {
        self.header("oncegate-reason").expect("a dead letter has a reason")
    }
}

/// The lines of a file: each whole, each JSON. No file, no lines.
pub fn lines(path: &Path) -> Vec<Line> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    };
    assert!(text.is_empty() || text.ends_with('\n'), "{} ends in the middle of a line", path.display());
    let parse =
        |line: &str| Line(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    text.lines().map(parse).collect()
}

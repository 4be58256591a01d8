//! A case's component, from the text in its folder.

use std::fs;

use crate::case::{Case, Repeat};

/// What surrounds a case that is no whole component: the world, with everything that it imports, and holes.
const FRAME: &str = include_str!("../frame/component.wat");
/// The holes, each a file in the case's folder or else what stands here.
const HOLES: [(&str, &str); 5] = [
    ("room", include_str!("../frame/room.wat")),
    ("guest", include_str!("../frame/guest.wat")),
    ("initialize", include_str!("../frame/initialize.wat")),
    ("outside", ""),
    ("post-return", include_str!("../frame/post-return.wat")),
];
/// What the frame has besides, if the case is to have `wasi:*`.
const WASI: [(&str, &str); 3] = [
    ("wasi-imports", include_str!("../frame/wasi/imports.wat")),
    ("wasi-guest", include_str!("../frame/wasi/guest.wat")),
    ("wasi-argument", "(with \"wasi\" (instance $wasi))"),
];

impl Case {
    /// The component's text: `component.wat`, or the frame with what the case has for its holes.
    pub fn text(&self) -> String {
        let mut text = self.file("component").unwrap_or_else(|| self.framed());
        for (name, Repeat { times, text: repeated }) in &self.repeat {
            let each = (0..*times).map(|n| {
                repeated.replace("{n}", &n.to_string()).replace("{next}", &(n + 1).to_string()) + "\n"
            });
            text = text.replace(&format!("{{{name}}}"), &each.collect::<String>());
        }
        text
    }

    fn framed(&self) -> String {
        let mut text = FRAME.to_owned();
        let mut filled = 0;
        for (name, usual) in HOLES {
            let own = self.file(name);
            filled += usize::from(own.is_some());
            text = text.replace(&format!("{{{name}}}"), own.as_deref().unwrap_or(usual));
        }
        for (name, wasi) in WASI {
            text = text.replace(&format!("{{{name}}}"), if self.wasi { wasi } else { "" });
        }
        assert!(filled > 0, "{}: it has no source", self.name);
        text.replace("{encoding}", &self.encoding).replace("{pages}", &self.pages.to_string())
    }

    fn file(&self, name: &str) -> Option<String> {
        let path = self.folder.join(name).with_extension("wat");
        path.exists()
            .then(|| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// The component in its binary form.
    pub fn bytes(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_source_that_can_be_read() {
        let unreadable =
            |case: Case| wat::parse_str(case.text()).err().map(|why| format!("{}: {why}", case.name));
        let unreadable: Vec<String> = Case::all().into_iter().filter_map(unreadable).collect();
        assert_eq!(unreadable, [] as [String; 0]);
    }
}

//! One invocation that runs twice: what the first run leaves to the second.

use super::{Attempt, What};

impl Attempt {
    /// Its handler begins once more, in another instance. It is the same attempt: its id, its lease timer, its claims
    /// and whatever it was told of other keys stay, and the limit on keys counts those of both runs. What the first run
    /// staged is gone: a claimed key is `new` again, without asking the store, and none is the last of them.
    pub fn begin_again(&mut self) {
        for known in &mut self.known {
            if let What::New { staged, .. } | What::Free { staged, .. } = &mut known.what {
                *staged = None;
            }
        }
        self.last_new = None;
        self.too_many = false;
    }
}

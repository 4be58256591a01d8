//! Dead letters, as an operator looks at them and sends them again.

mod file;
mod letter;
mod line;
mod stream;

pub use file::FileLetters;
pub use letter::{Letter, Resend};
pub use line::Line;
pub use stream::{Destination, Resent, StreamLetters};

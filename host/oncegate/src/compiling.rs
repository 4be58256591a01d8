//! How this program compiles plugins: it runs itself again, as a child that does nothing else.

use oncegate_sandbox::{CompileLimits, Compiler, Program};

use crate::exit::{Exit, Failure, OrExit as _};

/// The command that the child is started with. No command of the command line: nobody types it.
const COMMAND: &str = "compile-child";

/// Whether this process is such a child.
pub fn is_asked() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|command| command == COMMAND) && arguments.next().is_none()
}

/// The compiler of this process.
pub fn compiler() -> Result<Compiler, Failure> {
    let program = Program::own(&[COMMAND]).or_exit(Exit::Failed)?;
    Ok(Compiler::in_child(program, CompileLimits::default()))
}

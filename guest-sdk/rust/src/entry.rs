//! Where the host's call enters the user's crate.

use crate::{Failure, Message, log};
use std::panic::{self, PanicHookInfo};

/// Exports a function as this component's handler. Once per crate, which is a `cdylib`.
///
/// The function takes a [`Message`] and returns [`Result<()>`](crate::Result). It may also return a `Result` with a
/// `Box<dyn std::error::Error>` (`+ Send + Sync` or not), of which everything that is not this crate's is a `retry`, or
/// with any other error that converts into the contract's [`Failure`].
///
/// A panic ends the invocation; to the host it is a `retry`. Its text and place go to the log at level
/// `error` first, so the operator sees them with the failure.
///
/// ```
/// # use oncegate_sdk::{Message, Result};
/// fn handle(message: Message) -> Result<()> {
///     oncegate_sdk::log::info(message.id);
///     Ok(())
/// }
/// oncegate_sdk::handler!(handle);
/// ```
#[macro_export]
macro_rules! handler {
    ($handle:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Handler;
            impl $crate::bindings::Guest for Handler {
                fn handle(message: $crate::Message) -> ::core::result::Result<(), $crate::Failure> {
                    $crate::entry::run($handle, message)
                }
            }
    $crate::bindings::export!(Handler with_types_in $crate::bindings);
        };
        // Natively there is nobody to export to; the function is still checked, and counts as used.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn($crate::Message) -> ::core::result::Result<(), $crate::Failure> =
            |message| $crate::entry::run($handle, message);
    };
}

/// Calls the user's function with panics made visible. For [`handler!`](crate::handler) only.
#[doc(hidden)]
pub fn run<E: Into<Failure>>(
    handle: impl FnOnce(Message) -> Result<(), E>,
    message: Message,
) -> Result<(), Failure> {
    // A reused instance is called again and again, and what is set here stays.
    static FIRST: std::sync::Once = std::sync::Once::new();
    FIRST.call_once(|| {
        panic::set_hook(Box::new(log_panic));
        #[cfg(feature = "log")]
        log::facade::install();
    });
    handle(message).map_err(Into::into)
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let text = info.payload_as_str().unwrap_or("(no text)");
    log::error(match info.location() {
        Some(place) => format!("panic at {}:{}: {text}", place.file(), place.line()),
        None => format!("panic: {text}"),
    });
}

//! Values that the operator set for this handler.

use crate::host;

/// The value that the operator set under this name, or `None`. It does not change during an invocation.
///
/// ```
/// # fn limit_cents() -> oncegate_sdk::Result<u64> {
/// use oncegate_sdk::{OrFail, config};
/// let limit_cents = match config("limit_cents") {
///     Some(text) => text.parse::<u64>().or_reject("limit_cents")?,
///     None => 10_000,
/// };
/// # Ok(limit_cents) }
/// ```
pub fn config(name: &str) -> Option<String> {
    host::config(name)
}

//! Which messages are handled one after the other, and who can keep that.

use anyhow::{Result, bail};

use super::Input;
use crate::pipeline::Order;
use crate::settings::Settings;

/// What the settings say, if this input can keep it.
pub(super) fn order(settings: &Settings, input: &Input) -> Result<Order> {
    let word = settings.text("policy.order").unwrap_or("none");
    let order = match word {
        "key" => Order::Key,
        "partition" => Order::Partition,
        _ => Order::None,
    };
    if order != Order::None && !input.is_exclusive() {
        bail!(
            "policy.order is {word}, and the entries of {input} are shared out among all hosts of its group, none \
             of which knows what the others are handling: an order needs one stream for each partition and one host \
             that reads it: set input.exclusive = true, or policy.order = \"none\""
        );
    }
    Ok(order)
}

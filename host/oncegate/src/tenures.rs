//! What a pipeline must have for itself alone: a stream whose order it keeps, a host id.

use std::sync::Arc;
use std::time::Duration;

use oncegate_broker::Holding;
use oncegate_dedup::{Clock as _, SystemClock};
use oncegate_redis::{NotYours, Server, Tenure};

use crate::config::{Config, Scope};
use crate::exit::{Exit, Failure};
use crate::fail;
use crate::pipeline::Stop;
use crate::stores::Opened;

/// Takes all that this pipeline must have alone, on the Redis that all who could dispute it have in common, for as long
/// as a lease at a time. A process that was stopped for longer loses it, and its run ends. An embedded store needs none
/// of this: no second process opens it.
pub fn take(
    config: &Config,
    holding: Option<&Arc<Holding>>,
    opened: &Opened,
    stop: &Arc<Stop>,
) -> Result<Vec<Tenure>, Failure> {
    let mut tenures = Vec::new();
    let server = holding.map(|holding| holding.server());
    if let (true, Some(holding), Some(server)) = (config.input.is_exclusive(), holding, server) {
        let name = format!("stream/{}/{}", holding.stream(), holding.group());
        let what = format!("the input {} is to be read by one host alone (input.exclusive)", config.input);
        let tenure = one(config, server, &name, what.clone(), Exit::File, stop)?;
        read_while_held(&tenure, config, what, stop);
        tenures.push(tenure);
    }
    let server = server.or_else(|| opened.redis.as_ref().map(|store| store.server()));
    if let (Scope::Host(host_id), Some(server)) = (&config.scope, server) {
        let name = format!("host/{}", config.policy.keys_of());
        let what = format!("policy.host_id {host_id} is to be one host's alone");
        tenures.push(one(config, server, &name, what, Exit::Usage, stop)?);
    }
    Ok(tenures)
}

/// Nothing is read or begun when half of the time is over, however long it takes to hear that it cannot be renewed: in
/// between, two hosts would share the stream, and neither would keep its order. A read that is under way may still bring
/// something for as long as reads take.
fn read_while_held(tenure: &Tenure, config: &Config, what: String, stop: &Stop) {
    let hold = tenure.hold();
    // By then two renewals have failed; and a read that is slow has time to come back.
    let margin = Duration::from_millis(config.policy.lease_ms) / 2;
    stop.depend_on(move || {
        let over = hold.is_over_in(margin);
        over.then(|| lost(Exit::File, &what, "half of its time is over, and it could not be renewed"))
    });
}

fn lost(exit: Exit, what: &str, why: &str) -> Failure {
    fail!(exit, "{what}, and is not this one's any more: {why}")
}

fn one(
    config: &Config,
    server: &Arc<Server>,
    name: &str,
    what: String,
    exit: Exit,
    stop: &Arc<Stop>,
) -> Result<Tenure, Failure> {
    let life = Duration::from_millis(config.policy.lease_ms);
    let (stop, held) = (Arc::clone(stop), what.clone());
    let on_loss = move |why: String| stop.fail(lost(exit, &held, &why));
    Tenure::take(server, name, &myself(), life, on_loss).map_err(|error| match error {
        NotYours::Held { .. } => {
            fail!(exit, "{what}, and {error}: stop that one first; if it has died, what it held is free then")
        }
        NotYours::Away(why) => fail!(Exit::Store, "{what}, and it cannot be told whether it is: {why}"),
    })
}

/// This process, told from every other one and from itself after a restart.
fn myself() -> String {
    let (process, host) = (std::process::id(), crate::audit::host_name());
    format!("process {process} on {host} ({})", SystemClock.attempt_id())
}

//! What every host of a run is told.

use oncegate_tests::plugin;

use crate::servers::Servers;
use crate::shape::{Control, GROUP, Pipeline, Shape, TAG};

/// A lease, in milliseconds.
pub const LEASE_MS: u64 = 3_000;

/// How long an entry lies untouched before another host takes it over, in milliseconds.
pub const TAKE_OVER_MS: u64 = 4_000;

/// The longest pause before a delivery is made again, in milliseconds.
pub const BACKOFF_MS: u64 = 500;

/// How long after it was sent a message is done, once nothing strikes any more: as long as a host that is gone may
/// have its claim and its entry, and then a pause; and as much again as the tests grant a busy machine.
pub const SETTLE_BOUND_MS: u64 = LEASE_MS + TAKE_OVER_MS + BACKOFF_MS + 500;

/// The configuration file.
pub fn text(servers: &Servers, shape: Shape, control: Option<Control>) -> String {
    let shadow = control == Some(Control::NoDedup);
    let tag = if shape == Shape::Cluster { format!("hash_tag = '{TAG}'\n") } else { String::new() };
    // Where a replica may take the primary's place, it has what is acknowledged.
    let replicas = u8::from(shape == Shape::Sentinel);
    let mut text = format!(
        "[policy]\nhandler_limit = '1s'\nmargin = '500ms'\nlease = '{LEASE_MS}ms'\nbackoff_min = '10ms'\n\
         backoff_max = '{BACKOFF_MS}ms'\nin_flight_wait = '500ms'\nkeep = '2m'\nwindow = '2h'\nattempts = 40\n\
         shadow = {shadow}\n\n[run]\nthreads = 2\n\n[store]\nurl = '{}'\nreplicas = {replicas}\n{tag}\n",
        servers.store(),
    );
    for pipeline in Pipeline::ALL {
        text.push_str(&of_pipeline(servers, pipeline));
    }
    text
}

fn of_pipeline(servers: &Servers, pipeline: Pipeline) -> String {
    let plugin = plugin("probe").canonicalize().unwrap();
    let group = format!("group={GROUP}");
    // What has no key is exact where one step settles.
    let outputs = if pipeline == Pipeline::Atomic { "free" } else { "gated" };
    format!(
        "[[pipeline]]\nname = '{}'\n[pipeline.plugin]\npath = '{}'\n[pipeline.input]\npath = '{}'\n\
         take_over = '{TAKE_OVER_MS}ms'\nmost_held = 16\n[pipeline.output]\ntopics = ['*']\npath = '{}'\n[pipeline.dead_letters]\n\
         path = '{}'\n[pipeline.policy]\noutputs = '{outputs}'\n\n",
        pipeline.name(),
        plugin.display(),
        servers.stream(&pipeline.source(), &[&group, "start=0"]),
        servers.sink_stream(pipeline, &pipeline.effects()),
        servers.sink_stream(pipeline, &pipeline.dead()),
    )
}

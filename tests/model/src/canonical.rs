//! States that differ in nothing that anybody could ever notice are made one.

use crate::config::{Config, KEYS, MESSAGES, WORKERS};
use crate::mutation::Mutation;
use crate::record::{Record, Stage};
use crate::state::{At, Entry, Host, Plan, Server, State, Told, Worker};

/// Makes the state the one that stands for all that are like it.
pub fn canonical(config: &Config, state: &mut State) {
    plain(config, state);
    in_order(config, state);
}

/// Takes out of a state what makes no difference, and leaves everybody's number as it is.
pub fn plain(config: &Config, state: &mut State) {
    state.workers.iter_mut().for_each(|worker| plain_worker(config, worker));
    for (number, host) in state.hosts.iter_mut().enumerate() {
        if number >= config.host_count() {
            *host = Host::default();
        }
    }
    let workers = state.workers;
    plain_server(config, &mut state.server, &workers);
    if let Some(replica) = &mut state.replica {
        plain_server(config, replica, &workers);
        if !config.is_atomic() {
            // Only the store is on this server.
            *replica = Server { records: replica.records, ..Server::nowhere() };
        }
    }
    (0..KEYS).for_each(|key| rank_sequences(state, key));
}

fn plain_worker(config: &Config, worker: &mut Worker) {
    if worker.at == At::Idle {
        *worker = Worker::IDLE;
        return;
    }
    for key in 0..KEYS {
        if worker.told[key] != Told::New {
            (worker.seq[key], worker.old[key], worker.overtaken[key]) = (0, false, false);
        }
    }
    if !config.is_atomic() {
        worker.overtaken = [false; KEYS];
    }
    if matches!(worker.at, At::Run(_) | At::Looked(_) | At::Answered(_)) {
        worker.plan = Plan::Apply;
        worker.attempts = worker.attempts.min(config.max_attempts);
    } else {
        worker.attempts = 0;
    }
    worker.dirty &= matches!(worker.at, At::Answered(_) | At::Confirm | At::Mark | At::Wait);
    worker.sent &= matches!(worker.at, At::Settle | At::Output | At::Mark);
    worker.alone &= config.host_deaths.is_some();
}

fn plain_server(config: &Config, server: &mut Server, workers: &[Worker]) {
    server.records.iter_mut().flatten().for_each(|record| plain_record(config, record));
    for (message, entry) in server.broker.entries.iter_mut().enumerate() {
        if let Entry::Held(worker) = *entry
            && !workers[usize::from(worker)].handles(message)
        {
            *entry = Entry::Waiting;
        }
    }
    if config.is_atomic() {
        (server.sink.excused, server.sink.excused_letter) = ([false; KEYS], [false; MESSAGES]);
    }
}

fn plain_record(config: &Config, record: &mut Record) {
    if record.stage != Stage::Committed {
        record.print = 0;
    }
    match record.stage {
        Stage::Committed | Stage::Dead { .. } => (record.attempts, record.deaths) = (0, 0),
        Stage::Claimed { .. } | Stage::Released => {
            record.attempts = record.attempts.min(config.max_attempts);
        }
    }
    match config.host_deaths {
        None => (record.deaths, record.alone, record.died_alone) = (0, false, false),
        Some(limit) => record.deaths = record.deaths.min(limit + 1),
    }
}

/// Which worker has which number makes no difference where each is a host of its own: they are put in an order.
fn in_order(config: &Config, state: &mut State) {
    let workers = config.workers();
    if config.host_count() != workers {
        return;
    }
    let mut order: [usize; WORKERS] = std::array::from_fn(|worker| worker);
    let keys: [_; WORKERS] = std::array::from_fn(|worker| {
        (state.workers[worker], state.hosts[worker], referred(config, state, worker))
    });
    order[..workers].sort_by(|one, other| keys[*one].cmp(&keys[*other]));
    if order.is_sorted() {
        return;
    }
    let mut place = [0; WORKERS];
    order.iter().enumerate().for_each(|(to, from)| place[*from] = to);
    let ids: [u8; WORKERS] = std::array::from_fn(|worker| state.attempt(config, worker));
    let derived = config.lacks(Mutation::Rule1);
    let State { server, replica, workers: list, hosts, .. } = state;
    for server in std::iter::once(server).chain(replica) {
        for entry in &mut server.broker.entries {
            if let Entry::Held(worker) = entry {
                *worker = place[usize::from(*worker)] as u8;
            }
        }
        for record in server.records.iter_mut().flatten().filter(|_| !derived) {
            if let Some(worker) = ids.iter().position(|id| *id == record.by) {
                record.by = ids[place[worker]];
            }
        }
    }
    (*list, *hosts) = (order.map(|worker| list[worker]), order.map(|worker| hosts[worker]));
}

/// What else bears a worker's number: two that are alike in all but this are not alike.
fn referred(config: &Config, state: &State, worker: usize) -> u8 {
    let id = state.attempt(config, worker);
    let mut bits = 0;
    for server in std::iter::once(&state.server).chain(&state.replica) {
        for entry in server.broker.entries {
            bits = bits << 1 | u8::from(entry == Entry::Held(worker as u8));
        }
        for record in server.records {
            bits = bits << 1 | u8::from(record.is_some_and(|record| record.by == id));
        }
    }
    bits
}

/// Sequences are compared and raised, and nothing else: their order among those that are still borne is enough.
fn rank_sequences(state: &mut State, key: usize) {
    let mut borne = Vec::with_capacity(5);
    each_sequence(state, key, |seq| borne.push(*seq));
    borne.sort_unstable();
    borne.dedup();
    let rank = |seq: u8| borne.iter().position(|borne| *borne == seq).map_or(0, |place| place as u8 + 1);
    each_sequence(state, key, |seq| *seq = rank(*seq));
}

fn each_sequence(state: &mut State, key: usize, mut with: impl FnMut(&mut u8)) {
    state.server.records[key].iter_mut().for_each(|record| with(&mut record.seq));
    let replica = state.replica.iter_mut().flat_map(|server| &mut server.records[key]);
    replica.for_each(|record| with(&mut record.seq));
    state.workers.iter_mut().filter(|worker| worker.has(key)).for_each(|worker| with(&mut worker.seq[key]));
}

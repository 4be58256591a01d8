//! How many replicas have what was written.
//!
//! `WAIT` stalls the connection that it is sent over, so it has connections of its own, one to each primary. A server
//! counts for a connection what it had written when that connection's last command ended, whoever wrote it: a `PING`
//! before the `WAIT` takes in all that was written before.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Value, pipe};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::failure::Failure;
use crate::greeting::greet;
use crate::link::Up;
use crate::opener::Opener;
use crate::place::Place;

/// A question for the count.
#[derive(Debug)]
pub struct Count {
    /// How many are enough.
    pub replicas: u32,
    /// How long to wait for them.
    pub within: Duration,
    /// Who asks.
    pub reply: oneshot::Sender<Result<u32, String>>,
}

/// Answers questions one behind the other. Those that come while one is waited for share the next one.
pub async fn run(
    place: Arc<Place>,
    opener: Opener,
    patience: Duration,
    mut inbox: mpsc::UnboundedReceiver<Count>,
) {
    let mut waiting = VecDeque::new();
    let mut counter = Counter { place, opener, patience, own: HashMap::new() };
    while let Some(count) = inbox.recv().await {
        waiting.push_back(count);
        while !waiting.is_empty() {
            while let Ok(count) = inbox.try_recv() {
                waiting.push_back(count);
            }
            counter.answer(joined(&mut waiting)).await;
        }
    }
}

/// All that ask the same as the first, who has waited longest.
fn joined(waiting: &mut VecDeque<Count>) -> Vec<Count> {
    let Some((replicas, within)) = waiting.front().map(|first| (first.replicas, first.within)) else {
        return Vec::new();
    };
    let (joined, others) =
        waiting.drain(..).partition(|count| count.replicas == replicas && count.within == within);
    *waiting = others;
    Vec::from(joined)
}

/// A connection that nothing but `WAIT` is sent over.
#[derive(Debug, Clone)]
struct Own {
    connection: MultiplexedConnection,
    run_id: String,
}

struct Counter {
    place: Arc<Place>,
    opener: Opener,
    patience: Duration,
    own: HashMap<Address, Own>,
}

impl Counter {
    async fn answer(&mut self, counts: Vec<Count>) {
        let Some((replicas, within)) = counts.first().map(|first| (first.replicas, first.within)) else {
            return;
        };
        let answer = self.least(replicas, within).await;
        for count in counts {
            // Whoever has stopped waiting may ask again.
            let _ = count.reply.send(answer.clone());
        }
    }

    /// The least count of any primary.
    async fn least(&mut self, replicas: u32, within: Duration) -> Result<u32, String> {
        let ups = self.place.ups(Instant::now() + self.patience).await?;
        let asked = ups.iter().map(|up| {
            let kept = self.own.get(&up.address).cloned();
            let opener = &self.opener;
            async move { (up, at(opener, up, kept, replicas, within).await) }
        });
        let answers = join_all(asked).await;
        // Only those of primaries that there are; one that failed is opened again.
        let mut own = HashMap::new();
        let mut least: Result<Option<u32>, String> = Ok(None);
        for (up, answer) in answers {
            match answer {
                Ok((kept, count)) => {
                    own.insert(up.address.clone(), kept);
                    least = least.map(|least| Some(least.map_or(count, |least| least.min(count))));
                }
                Err(why) => least = Err(format!("{}: {why}", up.address)),
            }
        }
        self.own = own;
        least?.ok_or_else(|| "there is no primary".to_owned())
    }
}

/// The count of one primary. A connection that was kept may have broken unnoticed.
async fn at(
    opener: &Opener,
    up: &Up,
    kept: Option<Own>,
    replicas: u32,
    within: Duration,
) -> Result<(Own, u32), String> {
    if let Some(mut own) = kept.filter(|own| own.run_id == up.primary.run_id)
        && let Ok(count) = wait(opener, &mut own, replicas, within).await
    {
        return Ok((own, count));
    }
    let mut own = open(opener, up).await?;
    let count = wait(opener, &mut own, replicas, within).await?;
    Ok((own, count))
}

/// Opens a connection to the very server that calls go to: another one, which took over its address or its place, has
/// replicas that may not have what those calls wrote.
async fn open(opener: &Opener, up: &Up) -> Result<Own, String> {
    let opening = async {
        let mut connection = opener.open(&up.address, &opener.patient_config(None)).await?;
        let greeted = greet(&mut connection, up.role, up.address.to_string(), opener.password(), &[]).await?;
        Ok((connection, greeted.0.run_id))
    };
    match timeout(opener.connect_timeout() + opener.reply_timeout(), opening).await {
        Ok(Ok((connection, run_id))) if run_id == up.primary.run_id => Ok(Own { connection, run_id }),
        Ok(Ok(_)) => Err("another server has taken its place".to_owned()),
        Ok(Err(unfit)) => Err(crate::Unfit::why(&unfit).to_owned()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

async fn wait(opener: &Opener, own: &mut Own, replicas: u32, within: Duration) -> Result<u32, String> {
    // 0 would wait for ever.
    let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut question = pipe();
    question.cmd("PING").cmd("WAIT").arg(replicas).arg(within_ms);
    let asked = own.connection.send_packed_commands(&question, 0, 2);
    let answer = match timeout(within + opener.reply_timeout(), asked).await {
        Ok(answer) => answer,
        Err(_) => return Err("no answer in time".to_owned()),
    };
    let failed = |error: redis::RedisError| match Failure::of(&error, opener.password()) {
        Failure::Unknown(why)
        | Failure::NotYet(why)
        | Failure::WrongServer(why)
        | Failure::Moved(why)
        | Failure::Refused(why) => why,
        Failure::NoScript => "its answer is no count".to_owned(),
    };
    match answer.map_err(failed)?.pop() {
        Some(Value::Int(count)) => u32::try_from(count).map_err(|_| "its answer is no count".to_owned()),
        Some(Value::ServerError(error)) => Err(failed(error.into())),
        _ => Err("its answer is no count".to_owned()),
    }
}

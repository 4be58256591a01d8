//! One call of a script, asked again until its outcome is known or patience ends.

use redis::{Cmd, Value};
use tokio::time::{Duration, Instant, sleep};

use std::sync::Arc;

use crate::failure::Failure;
use crate::link::Up;
use crate::order::Order;
use crate::place::Place;
use crate::target::Target;
use crate::{Script, Secret};

/// How often a call may be lost before it is given up, however much patience is left.
const MOST_LOSSES: u32 = 8;

/// How long to leave a server alone that cannot do it yet.
const PAUSE: Duration = Duration::from_millis(50);

/// After so many answers in a row that it cannot be done yet, a cluster is asked whether somebody else can: a
/// failover that one node still waits for may be over elsewhere.
const ASK_AROUND_AFTER: u32 = 4;

/// What a call needs besides its orders.
#[derive(Debug)]
pub struct Caller {
    /// Where connections come from.
    pub place: Arc<Place>,
    /// Not to be shown in errors.
    pub password: Option<Secret>,
}

impl Caller {
    /// Calls to `place`.
    pub fn new(place: Arc<Place>, password: Option<Secret>) -> Self {
        Self { place, password }
    }

    /// Makes one call of orders for one script and answers each.
    pub async fn perform(&self, orders: Vec<Order>) {
        let answer = self.answer(&orders).await;
        let counts = orders.iter().map(|order| order.part.answers);
        match answer.and_then(|value| parts(value, counts)) {
            Ok(parts) => {
                for (order, part) in orders.into_iter().zip(parts) {
                    // Whoever has stopped waiting is as if the reply had been lost.
                    let _ = order.reply.send(Ok(part));
                }
            }
            Err(why) => {
                for order in orders {
                    let _ = order.reply.send(Err(why.clone()));
                }
            }
        }
    }

    /// A call without an answer may have had its effect or not, or may have it later. It is sent again, because
    /// each script can be: a claim finds its own claim by its attempt id and says so, a settlement finds what it
    /// has written, a forget raises a sequence once more. Nothing else sends anything twice.
    async fn answer(&self, orders: &[Order]) -> Result<Value, String> {
        let Some(first) = orders.first() else { return Ok(Value::Nil) };
        let (script, target) = (&first.part.script, &first.target);
        let deadline = orders.iter().map(|order| order.deadline).min().unwrap_or_else(Instant::now);
        let (mut used_up, mut losses, mut not_yet) = (0, 0, 0);
        loop {
            let (mut up, round) = self.place.up(target, used_up, deadline).await?;
            let why = match self.send(&mut up, script, orders).await {
                Ok(value) => return Ok(value),
                Err(Failure::Refused(why)) => return Err(why),
                Err(Failure::NoScript) => return Err("the server keeps forgetting scripts".to_owned()),
                Err(Failure::Moved(why)) if self.has_nodes() => {
                    if matches!(target, Target::At(_)) {
                        return Err(why);
                    }
                    self.place.outdated(round, &up.address, deadline).await;
                    why
                }
                Err(Failure::Unknown(why) | Failure::WrongServer(why) | Failure::Moved(why)) => {
                    up.is_broken();
                    used_up = up.number;
                    losses += 1;
                    why
                }
                Err(Failure::NotYet(why)) => {
                    sleep(PAUSE).await;
                    not_yet += 1;
                    if not_yet % ASK_AROUND_AFTER == 0 {
                        self.place.outdated(round, &up.address, deadline).await;
                    }
                    why
                }
            };
            if losses == MOST_LOSSES || Instant::now() >= deadline {
                return Err(why);
            }
        }
    }

    fn has_nodes(&self) -> bool {
        self.place.topology().is_some()
    }

    async fn send(&self, up: &mut Up, script: &Script, orders: &[Order]) -> Result<Value, Failure> {
        let hold_ms = up.hold_ms();
        match self.exchange(up, &command("EVALSHA", script.digest(), orders, hold_ms)).await {
            // The server was restarted or its scripts flushed. It has done nothing; the code goes along now.
            Err(Failure::NoScript) => {
                self.exchange(up, &command("EVAL", script.source(), orders, hold_ms)).await
            }
            other => other,
        }
    }

    async fn exchange(&self, up: &mut Up, command: &Cmd) -> Result<Value, Failure> {
        let error = match up.connection.send_packed_command(command).await {
            Ok(Value::ServerError(error)) => error.into(),
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        Err(Failure::of(&error, self.password.as_ref()))
    }
}

fn command(name: &str, script: &str, orders: &[Order], hold_ms: u64) -> Cmd {
    let keys: usize = orders.iter().map(|order| order.part.keys.len()).sum();
    let args: usize = orders.iter().map(|order| order.part.args.len()).sum();
    let bytes: usize = orders.iter().map(|order| order.part.keys.bytes() + order.part.args.bytes()).sum();
    let mut command = Cmd::with_capacity(4 + keys + args, name.len() + script.len() + 40 + bytes);
    command.arg(name).arg(script).arg(keys);
    for key in orders.iter().flat_map(|order| order.part.keys.iter()) {
        command.arg(key);
    }
    for arg in orders.iter().flat_map(|order| order.part.args.iter()) {
        command.arg(arg);
    }
    command.arg(hold_ms);
    command
}

/// Gives each order its values.
fn parts(value: Value, counts: impl Iterator<Item = usize> + Clone) -> Result<Vec<Vec<Value>>, String> {
    let Value::Array(values) = value else { return Err("the server's answer is no list".to_owned()) };
    let expected: usize = counts.clone().sum();
    if values.len() != expected {
        return Err(format!("the server gave {} answers for {expected} questions", values.len()));
    }
    let mut values = values.into_iter();
    Ok(counts.map(|count| values.by_ref().take(count).collect()).collect())
}

/// What a task gets that waits for something that was given up.
pub fn nobody() -> String {
    "the connection is closed".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_shape_is_no_answer() {
        let list = |n: i64| Value::Array((0..n).map(Value::Int).collect());
        assert_eq!(
            parts(list(3), [1, 2].into_iter()),
            Ok(vec![vec![Value::Int(0)], vec![Value::Int(1), Value::Int(2)]])
        );
        assert!(parts(list(2), [1, 2].into_iter()).is_err());
        assert!(parts(Value::Okay, [0].into_iter()).is_err());
    }
}

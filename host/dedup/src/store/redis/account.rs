//! What a namespace takes, by a hash on the server beside its records.

use oncegate_redis::Part;
use oncegate_redis::redis::Value;

use super::names::Names;
use super::script;
use super::wire::STRANGE;
use crate::store::StoreError;
use crate::store::account::{Added, Usage};
use crate::{AttemptId, Namespace};

/// Says what was added. `who` and `number` tell it from all else that is said: said again after a lost reply, it adds
/// nothing.
pub fn account(names: &Names, namespace: &Namespace, who: AttemptId, number: u64, added: &[Added]) -> Part {
    let mut part = Part::new(&script::ACCOUNT);
    part.keys.push(names.account(namespace).as_bytes());
    part.args.push(who.to_string().as_bytes());
    part.args.push_number(number);
    part.args.push_number(added.len() as u64);
    for Added { life_ms, usage } in added {
        part.args.push_number(*life_ms);
        part.args.push_number(usage.keys);
        part.args.push_number(usage.bytes);
    }
    part.answers = 1;
    part
}

/// The sum.
pub fn sum(answer: Value) -> Result<Usage, StoreError> {
    let strange = || StoreError::Unavailable(STRANGE.to_owned());
    let Value::Array(parts) = answer else { return Err(strange()) };
    match <[Value; 2]>::try_from(parts) {
        Ok([Value::Int(keys), Value::Int(bytes)]) => {
            // A field that somebody wrote by hand may be negative.
            let count = |number: i64| u64::try_from(number).unwrap_or(0);
            Ok(Usage { keys: count(keys), bytes: count(bytes) })
        }
        _ => Err(strange()),
    }
}

#[cfg(test)]
mod tests {
    use oncegate_redis::redis::{Connection, Script};

    use super::*;
    use crate::conformance::{RedisServer, ServerOptions};

    fn tell(connection: &mut Connection, part: &Part) -> Usage {
        let script = Script::new(script::ACCOUNT.source());
        let mut script = script.prepare_invoke();
        for key in part.keys.iter() {
            script.key(key);
        }
        for arg in part.args.iter() {
            script.arg(arg);
        }
        let Value::Array(answers) = script.arg(0).invoke(connection).unwrap() else { panic!("no list") };
        sum(answers.into_iter().next().unwrap()).unwrap()
    }

    #[test]
    fn what_is_said_again_because_its_reply_was_lost_is_counted_once() {
        let server = RedisServer::start(ServerOptions::default());
        let (mut connection, namespace) = (server.connection(), Namespace::new("n").unwrap());
        let added = [Added { life_ms: 60_000, usage: Usage { keys: 3, bytes: 30 } }];
        let said = |who, number| {
            account(&Names::default(), &namespace, AttemptId::from_bytes([who; 16]), number, &added)
        };
        for (who, number, keys) in [(1, 0, 3), (1, 0, 3), (1, 1, 6), (2, 1, 9), (1, 1, 9), (2, 1, 9)] {
            assert_eq!(tell(&mut connection, &said(who, number)), Usage { keys, bytes: keys * 10 });
        }
    }
}

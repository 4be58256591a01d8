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

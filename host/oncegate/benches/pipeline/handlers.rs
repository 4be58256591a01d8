//! The payment handler, native and as a plugin.

use std::path::Path;

use oncegate::pipeline::{Handle, Invoke};
use oncegate_dedup::{Attempt, HandlerEnd, Sighting};
use oncegate_sandbox::{
    Component, Engine, Handler, Invocation, Limits, Logs, Message, Reuse, Settings, StagedOutput, Topics,
    Usage,
};
use serde::{Deserialize, Serialize};

use crate::parts::{CONCURRENCY, threads};

/// The payment handler in native Rust, through the same gate.
#[derive(Clone)]
pub struct Native;

#[derive(Deserialize)]
struct Payment<'a> {
    payment_id: &'a str,
    account: &'a str,
    amount_cents: u64,
    currency: &'a str,
}

#[derive(Serialize)]
struct Charge<'a> {
    charge_id: &'a str,
    payment_id: &'a str,
    account: &'a str,
    amount_cents: u64,
    currency: &'a str,
}

impl Handle for Native {
    type Worker = Native;

    fn worker(&self) -> Native {
        Native
    }
}

impl Invoke for Native {
    async fn invoke(&self, message: &Message, mut attempt: Attempt) -> Invocation {
        let payment: Payment = serde_json::from_slice(&message.payload).unwrap();
        let key = payment.payment_id.as_bytes();
        let mut outputs = Vec::new();
        if attempt.seen(key).await.unwrap() == Sighting::New {
            let charge_id = format!("ch_{}", payment.payment_id);
            let Payment { payment_id, account, amount_cents, currency } = payment;
            let charge = Charge { charge_id: &charge_id, payment_id, account, amount_cents, currency };
            outputs.push(StagedOutput {
                topic: "charges".to_owned(),
                key: Some(payment_id.to_owned()),
                headers: Vec::new(),
                payload: serde_json::to_vec(&charge).unwrap(),
                under: attempt.last_new(),
                index: 0,
            });
            attempt.commit(key, Some(charge_id.into_bytes())).unwrap();
        }
        Invocation {
            attempt,
            end: HandlerEnd::Ok,
            faulted: false,
            refused_topic: None,
            outputs,
            logs: Logs::default(),
            usage: Usage::default(),
            recycled: None,
        }
    }
}

/// The payment plugin, which has been built before.
pub fn plugin(reuse: Reuse) -> Handler {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/payment.wasm");
    let engine = Engine::new((CONCURRENCY * threads()) as u32).unwrap();
    let component = Component::read(&engine, &path, &Limits::default()).unwrap();
    Handler::new(component, Settings { topics: Topics::Any, reuse, ..Settings::default() }).unwrap()
}

//! What other scripts build on.

use oncegate_broker::{FRAGMENT, MOST_FIELDS};
use oncegate_redis::redis::{self, Connection, RedisError};

use crate::common::*;

fn run(connection: &mut Connection, body: &str, args: &[String]) -> Result<redis::Value, RedisError> {
    let mut eval = redis::cmd("EVAL");
    eval.arg(format!("{FRAGMENT}\n{body}")).arg(1).arg("s").arg(args).query(connection)
}

#[test]
fn an_entry_of_the_most_fields_can_be_appended_and_one_more_cannot_be_said() {
    let server = server();
    let mut connection = server.connection();
    let fields = |count: usize| vec!["x".to_owned(); 2 * count];
    let append = "return append(KEYS[1], 1, #ARGV)";
    run(&mut connection, append, &fields(MOST_FIELDS)).unwrap();
    // What the bound is for.
    let error = run(&mut connection, append, &fields(4_000)).unwrap_err();
    assert!(error.to_string().contains("too many results to unpack"), "{error}");
    let length: u64 = say(&mut connection, "XLEN s");
    assert_eq!(length, 1);
}

#[test]
fn from_its_first_write_on_a_script_is_refused_nothing() {
    let server = server();
    let mut connection = server.connection();
    let _: String = say(&mut connection, "XGROUP CREATE s g 0 MKSTREAM");
    let args = ["payload".to_owned(), "x".to_owned()];
    let id: String = say(&mut connection, "XADD s * payload x");
    let _: redis::Value = say(&mut connection, "XREADGROUP GROUP g c STREAMS s >");
    let _: String = say(&mut connection, "CONFIG SET maxmemory 1");
    let outputs_first = format!("append(KEYS[1], 1, 2) acknowledge(KEYS[1], 'g', '{id}') return 1");
    let error = run(&mut connection, &outputs_first, &args).unwrap_err();
    assert_eq!(error.code(), Some("OOM"), "{error}");
    assert_eq!((say::<u64>(&mut connection, "XLEN s"), pending(&server).len()), (1, 1));
    let ack_first = format!("acknowledge(KEYS[1], 'g', '{id}') append(KEYS[1], 1, 2) return 1");
    run(&mut connection, &ack_first, &args).unwrap();
    assert_eq!((say::<u64>(&mut connection, "XLEN s"), pending(&server).len()), (2, 0));
}

#[test]
fn ownership_is_told_without_ending_the_script() {
    let server = server();
    let mut connection = server.connection();
    let _: String = say(&mut connection, "XGROUP CREATE s g 0 MKSTREAM");
    let id: String = say(&mut connection, "XADD s * payload x");
    let _: redis::Value = say(&mut connection, "XREADGROUP GROUP g c STREAMS s >");
    let mut owned = |group: &str, consumer: &str, id: &str, count: &str| {
        let args = [group, consumer, id, count].map(str::to_owned);
        match run(&mut connection, "return { owned(KEYS[1], unpack(ARGV)) }", &args).unwrap() {
            redis::Value::Array(values) => String::from_utf8(match &values[0] {
                redis::Value::BulkString(bytes) => bytes.clone(),
                other => panic!("{other:?}"),
            })
            .unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(owned("g", "c", &id, "1"), "ours");
    assert_eq!(owned("g", "d", &id, "1"), "other");
    assert_eq!(owned("g", "c", &id, "2"), "other");
    assert_eq!(owned("g", "c", "1-1", "1"), "gone");
    assert_eq!(owned("none", "c", &id, "1"), "refused");
}

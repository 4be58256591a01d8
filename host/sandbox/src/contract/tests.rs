//! Names and versions; in these tests the host serves 0.2.0, too, whose message has another record.

use std::path::Path;
use std::sync::Arc;

use oncegate_dedup::store::MemoryStore;
use oncegate_dedup::{Gate, HandlerEnd, Namespace, Origin, Policy, SystemClock, Verdict};

use super::*;
use crate::{Component, Engine, Handler, Limits, Message, Reuse, Settings, StagedOutput, Topics, Worker};

fn check(imports: &[&str]) -> Result<&'static str, String> {
    check_imports(imports.iter().copied()).map(Version::as_str).map_err(|error| error.to_string())
}

#[test]
fn a_component_is_of_the_version_that_its_imports_name() {
    assert_eq!(check(&["oncegate:plugin/types@0.1.0", "oncegate:plugin/log@0.1.0"]), Ok("0.1.0"));
    assert_eq!(check(&["wasi:cli/exit@0.2.3", "oncegate:plugin/log@0.2.0"]), Ok("0.2.0"));
    assert_eq!(check(&[]), Ok("0.2.0"), "the newest");
    assert_eq!(check(&["wasi:cli/exit@0.2.3"]), Ok("0.2.0"), "the newest");
}

#[test]
fn a_version_is_served_if_its_name_is_that_of_one() {
    let other = check(&["oncegate:plugin/types@0.2.7", "oncegate:plugin/dedup@0.2.7"]);
    assert_eq!(
        other.unwrap_err(),
        "it was built for version 0.2.7 of oncegate:plugin, and this host serves 0.1.0, 0.2.0; a newer oncegate may \
         serve it (`oncegate --version` says what a host serves), or build it again with an SDK for 0.2.0"
    );
    for near in ["0.1.00", "0.1.0-rc", "0.1.0 ", "0.1", "00.1.0", "0.1.0@0.1.0", ""] {
        let said = check(&[&format!("oncegate:plugin/types@{near}")]).unwrap_err();
        let found = format!(
            "it was built for version {near} of oncegate:plugin, and this host serves 0.1.0, 0.2.0; "
        );
        assert!(said.starts_with(&found), "{said}");
        assert!(said.contains("; no oncegate up to this one serves it, or build it again"), "{said}");
    }
    // Whatever else there is: what it was built for may well have it.
    let more = check(&["oncegate:plugin/admin@0.3.0", "oncegate:http/client@0.3.0"]).unwrap_err();
    assert!(more.starts_with("it was built for version 0.3.0"), "{more}");
}

#[test]
fn two_versions_are_refused_whether_they_are_served_or_not() {
    for (one, other) in [("0.1.0", "0.2.0"), ("0.1.0", "0.9.0"), ("0.8.0", "0.9.0"), ("0.1.0", "0.1.00")] {
        let [types, dedup] = [("types", other), ("dedup", one)]
            .map(|(interface, version)| format!("oncegate:plugin/{interface}@{version}"));
        assert_eq!(
            check(&[&types, &dedup]).unwrap_err(),
            format!(
                "it imports versions {one} and {other} of oncegate:plugin at once: a handler is of one, build it with \
                 one SDK"
            )
        );
    }
}

#[test]
fn everything_else_is_refused_by_name_and_all_of_it_at_once() {
    let error = check(&[
        "wasi:nn/graph@0.2.0",
        "oncegate:plugin/types@0.1.0",
        "wasi:cli/exit@0.2.0",
        "a:b/\u{202e}c@1.0.0",
    ]);
    assert_eq!(
        error.unwrap_err(),
        "it imports what no handler is granted: wasi:nn/graph@0.2.0, a:b/\\u{202e}c@1.0.0; a handler may import \
         oncegate:plugin/{types,dedup,output,log,config}@0.1.0 and \
         wasi:{cli,clocks,filesystem,io,random,sockets,http}@0.2 and nothing else"
    );
    for near in ["oncegate:plugin/admin@0.1.0", "oncegate:plugins/types@0.1.0", "oncegate:plugin/types"] {
        let said = check(&[near]).unwrap_err();
        assert!(said.starts_with(&format!("it imports what no handler is granted: {near}; ")), "{said}");
    }
}

#[test]
fn very_many_names_are_counted() {
    let names: Vec<String> = (0..102).map(|n| format!("n{n}")).collect();
    assert!(list(names.iter().map(String::as_str)).ends_with(", n99, and 2 more"));
    let names: Vec<String> = (0..102).map(|n| format!("oncegate:plugin/types@{n}")).collect();
    let said = check_imports(names.iter().map(String::as_str)).unwrap_err().to_string();
    assert!(said.contains(" and 100 more of oncegate:plugin at once"), "{said}");
}

/// A component of this crate's tests.
fn component(engine: &Engine, file: &str) -> Component {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    Component::load(engine, &wat::parse_file(path).unwrap(), &Limits::default()).unwrap()
}

/// When the messages here were published, in milliseconds.
const PUBLISHED_MS: u64 = 1_700_000_000_123;

async fn handle(worker: &Worker, gate: &Arc<Gate>, payload: &str) -> Vec<StagedOutput> {
    let message = Message {
        id: "m".to_owned(),
        topic: "in".to_owned(),
        key: Some("k".to_owned()),
        headers: vec![crate::Header { name: "h".to_owned(), value: vec![0] }],
        payload: payload.as_bytes().to_vec(),
        attempt: 1,
        published_ms: Some(PUBLISHED_MS),
    };
    let invocation = worker.invoke(&message, gate.attempt(Origin::of("in", "m"), None)).await;
    assert_eq!(invocation.end, HandlerEnd::Ok);
    gate.settle(invocation.attempt.end(&Verdict::Apply)).await;
    invocation.outputs
}

#[tokio::test]
async fn handlers_of_two_versions_run_side_by_side_behind_one_gate() {
    let engine = Engine::new(4).unwrap();
    let settings = Settings { topics: Topics::Any, reuse: Reuse::DEFAULT, ..Settings::default() };
    let worker = |file| Handler::new(component(&engine, file), settings.clone()).unwrap().worker();
    let (old, new) = (worker("fixtures/honest.wat"), worker("contract/moment.wat"));
    let clock = Arc::new(SystemClock);
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let policy = Policy::new(Namespace::new("versions").unwrap());
    let gate = Gate::new(policy, Default::default(), store, clock).unwrap();
    let mut moment = 1_700_000_000_u64.to_le_bytes().to_vec();
    moment.extend(123_000_000_u32.to_le_bytes());
    for round in 0..3 {
        let [a, b] = ["a", "b"].map(|key| format!("{key}{round}"));
        let (of_old, of_new) = tokio::join!(handle(&old, &gate, &a), handle(&new, &gate, &b));
        assert_eq!((&of_old[0].payload, &of_new[0].payload), (&a.clone().into_bytes(), &moment));
        // What the one has done the other is told.
        assert_eq!((handle(&old, &gate, &b).await, handle(&new, &gate, &a).await), (vec![], vec![]));
    }
}

#[test]
fn an_inspection_says_which_version_a_component_is_of() {
    let engine = Engine::new(1).unwrap();
    for (file, version) in [("fixtures/honest.wat", "0.1.0"), ("contract/moment.wat", "0.2.0")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
        let bytes = wat::parse_file(path).unwrap();
        let inspection = Component::inspect(&engine, &bytes, &Limits::default()).unwrap();
        assert_eq!((inspection.versions, inspection.refused), (vec![version.to_owned()], None));
    }
}

#[test]
fn a_component_of_one_version_that_calls_itself_another_does_not_fit() {
    let engine = Engine::new(1).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/moment.wat");
    let text = std::fs::read_to_string(path).unwrap().replace("@0.2.0", "@0.1.0");
    let bytes = wat::parse_str(text).unwrap();
    let error = Component::load(&engine, &bytes, &Limits::default()).unwrap_err().to_string();
    assert!(error.starts_with("it does not fit the world oncegate:plugin/handler@0.1.0: "), "{error}");
}

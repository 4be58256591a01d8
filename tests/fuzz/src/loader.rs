//! A component is inspected, loaded and called, and a neighbour does not notice.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use oncegate_dedup::store::MemoryStore;
use oncegate_dedup::{Gate, HandlerEnd, Namespace, Origin, Policy, SystemClock};
use oncegate_sandbox::{
    Component, Engine, Handler, Header, Inspection, Invocation, Limits, LoadError, Message, Settings, Topics,
    Worker,
};

use crate::clean;

/// The longest text that an end may have: a reason or a cause, and four log lines behind it.
const MOST_END_BYTES: usize = 6 * (1024 + 200 + 4 * 220) + 200;

/// The longest error of a component that is refused.
const MOST_ERROR_BYTES: usize = 6 * 100 * 130;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(4).expect("an engine"));

/// Short enough for thousands of calls, and below what a host usually has.
fn limits() -> Limits {
    Limits {
        component_bytes: 256 << 10,
        memory_bytes: 4 << 20,
        cpu_ms: 20,
        wall_ms: 500,
        host_calls: 100,
        host_call_bytes: 64 << 10,
        outputs: 8,
        output_bytes: 8 << 10,
        log_lines: 8,
        log_bytes: 2 << 10,
        ..Limits::default()
    }
}

fn settings() -> Settings {
    Settings {
        limits: limits(),
        config: [("name".to_owned(), "value".to_owned())].into(),
        topics: Topics::Only(["out".to_owned()].into()),
        ..Settings::default()
    }
}

/// The honest handler and what both run on.
struct Stage {
    runtime: tokio::runtime::Runtime,
    gate: Arc<Gate>,
    honest: Worker,
}

thread_local! {
    static STAGE: Stage = Stage::new();
}

impl Stage {
    fn new() -> Self {
        let clock = Arc::new(SystemClock);
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let policy = Policy::new(Namespace::new("fuzz").expect("a good name"));
        let honest = load(&text("host/sandbox/tests/fixtures/honest.wat")).expect("it is a handler");
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            gate: Gate::new(policy, Default::default(), store, clock).expect("a gate"),
            honest: Handler::new(honest, settings()).expect("limits").worker(),
        }
    }

    /// One call, ended as a pipeline would.
    async fn call(&self, worker: &Worker, payload: &str) -> Invocation {
        let message = Message {
            id: "m-1".to_owned(),
            topic: "in".to_owned(),
            key: Some("k".to_owned()),
            headers: vec![Header { name: "a".to_owned(), value: vec![0xff] }],
            payload: payload.as_bytes().to_vec(),
            attempt: 1,
            published_ms: Some(1),
        };
        let attempt = self.gate.attempt(Origin::of("in", payload), None);
        worker.invoke(&message, attempt).await
    }

    async fn settle(&self, invocation: Invocation) {
        let Invocation { attempt, end, .. } = invocation;
        let verdict = attempt.verdict(&end, 0);
        self.gate.settle(attempt.end(&verdict)).await;
    }
}

/// A component's text in the project, in its binary form.
pub fn text(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    wat::parse_file(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn load(bytes: &[u8]) -> Result<Component, LoadError> {
    Component::load(&ENGINE, bytes, &limits())
}

/// All that becomes of a file that somebody calls a component.
pub fn trial(bytes: &[u8]) {
    let inspected = Component::inspect(&ENGINE, bytes, &limits());
    let component = match (inspected, load(bytes)) {
        (Ok(inspection), Ok(component)) => {
            looked_at(&inspection, bytes);
            assert_eq!(inspection.refused, None, "refused, and loaded all the same");
            component
        }
        (Ok(inspection), Err(error)) => {
            looked_at(&inspection, bytes);
            clean::line(&error.to_string(), MOST_ERROR_BYTES);
            assert_eq!(inspection.refused, Some(error));
            return;
        }
        (Err(why), Err(error)) => {
            clean::line(&error.to_string(), MOST_ERROR_BYTES);
            assert_eq!(why, error);
            return;
        }
        (Err(why), Ok(_)) => panic!("loaded, and cannot be inspected: {why}"),
    };
    STAGE.with(|stage| {
        let worker = Handler::new(component, settings()).expect("limits").worker();
        stage.runtime.block_on(called(stage, &worker));
    });
}

fn looked_at(inspection: &Inspection, bytes: &[u8]) {
    assert_eq!(inspection.size, bytes.len());
    assert_eq!(inspection.digest.len(), 64);
    let Inspection { versions, imports, exports, .. } = inspection;
    for name in versions.iter().chain(imports).chain(exports) {
        clean::line(name, 6 * 120 + 3);
    }
}

/// Twice, so that what the first call left behind would show; then the neighbour.
async fn called(stage: &Stage, worker: &Worker) {
    for payload in ["one", "two"] {
        let invocation = stage.call(worker, payload).await;
        ended(&invocation);
        stage.settle(invocation).await;
    }
    let honest = stage.call(&stage.honest, "honest").await;
    assert_eq!(honest.end, HandlerEnd::Ok, "the neighbour noticed");
    stage.settle(honest).await;
}

fn ended(invocation: &Invocation) {
    let limits = limits();
    let Invocation { end, outputs, logs, usage, .. } = invocation;
    if let HandlerEnd::Failed(text) | HandlerEnd::Rejected(text) | HandlerEnd::OutOfTime(text) = end {
        clean::line(text, MOST_END_BYTES);
    }
    assert!(*end == HandlerEnd::Ok || outputs.is_empty(), "outputs of a call that did not return");
    assert!(logs.lines.len() <= limits.log_lines);
    logs.lines.iter().for_each(|line| clean::line(&line.text, 6 * limits.text_bytes + 3));
    assert!(outputs.len() <= limits.outputs as usize && usage.host_calls <= limits.host_calls);
    assert!(usage.memory_bytes <= limits.memory_bytes);
    let mut bytes = 0;
    for output in outputs {
        assert_eq!(output.topic, "out");
        assert!(output.headers.len() <= limits.output_headers);
        let headers: usize = output.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        bytes +=
            output.topic.len() + output.key.as_ref().map_or(0, String::len) + output.payload.len() + headers;
    }
    assert!(bytes <= limits.output_bytes, "{bytes} bytes of outputs");
}

//! Which file runs: pinned, signed, replaced while its pipeline runs.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use oncegate_evil::Case;
use oncegate_tests::{Bench, Ended, effect, lines, oncegate, plugin, signal, until};
use serde_json::{Value, json};

/// A plugin's component with a custom section more: other bytes, and the same code.
fn version(name: &str, number: u8) -> Vec<u8> {
    let mut bytes = std::fs::read(plugin(name)).unwrap();
    bytes.extend([0, 3, 1, b'v', number]);
    bytes
}

fn sha256(file: &Path) -> String {
    let said = Ended::new(oncegate().args(["inspect", "--json"]).arg(file).output().unwrap()).stdout;
    serde_json::from_str::<Value>(&said).unwrap()["sha256"].as_str().unwrap().to_owned()
}

/// A pipeline that is fed through its standard input for as long as a test likes.
struct Live {
    bench: Bench,
    child: Child,
    fed: usize,
}

impl Live {
    /// With `p.wasm`, which is the first version of the probe, and these settings.
    fn start(settings: &str) -> Self {
        let bench = Bench::default();
        bench.write("p.wasm", version("probe", 1));
        Self::start_in(bench, settings)
    }

    fn start_in(bench: Bench, settings: &str) -> Self {
        let said = File::create(bench.path("said")).unwrap();
        configure(&bench, settings);
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args(["run", "--config", "c.toml"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(said).spawn().unwrap();
        Self { bench, child, fed: 0 }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.bench.path("said")).unwrap()
    }

    fn wait_until_it_says(&self, words: &str) {
        until(&format!("{words:?} in\n{}", self.said()), || self.said().contains(words));
    }

    /// Hands it so many messages that have an effect each.
    fn feed(&mut self, count: usize) {
        let keys = self.fed..self.fed + count;
        let line = |key: usize| format!("{}\n", json!({"payload": effect(&format!("k{key}"))}));
        self.child.stdin.as_mut().unwrap().write_all(keys.map(line).collect::<String>().as_bytes()).unwrap();
        self.fed += count;
    }

    fn outputs(&self) -> usize {
        lines(&self.bench.path("out")).len()
    }

    /// All that was handed to it has had its effect, once.
    fn is_exact(&self) {
        until("all effects", || self.outputs() >= self.fed);
        assert_eq!(self.outputs(), self.fed);
    }

    /// Puts other bytes in the place of the plugin, all at once.
    fn replace(&self, bytes: &[u8]) {
        let new = self.bench.write("new", bytes);
        std::fs::rename(new, self.bench.path("p.wasm")).unwrap();
    }

    /// Ends its input, and it with it.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success(), "{}", self.said());
        self.said()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(bench: &Bench, settings: &str) -> PathBuf {
    let places = "input.path = \"-\"\noutput.path = \"out\"\noutput.topics = [\"*\"]\npolicy.namespace = \"n\"\n\
                  store.url = \"file:gate\"\n";
    let text = match settings.contains("plugin.path") {
        true => format!("{places}{settings}"),
        false => format!("{places}plugin.path = \"p.wasm\"\n{settings}"),
    };
    bench.write("c.toml", text)
}

const RUNS: &str = "runs another version of its plugin now";

#[test]
fn a_file_of_another_digest_than_the_pinned_one_is_refused() {
    let bench = Bench::default();
    bench.messages(&[effect("k")]);
    let digest = sha256(&plugin("probe"));
    let pin = |digest: &str| bench.write("pin.toml", format!("plugin.sha256 = \"{digest}\"\n"));
    pin(&"0".repeat(64));
    let refused = bench.run("probe").args(&["--config", "pin.toml"]).end();
    assert_eq!(refused.code, Some(3));
    let wanted = format!("its sha256 is {digest}, and plugin.sha256 allows {} alone", "0".repeat(64));
    assert!(refused.error().ends_with(&wanted), "{}", refused.error());
    pin("12");
    let refused = bench.run("probe").args(&["--config", "pin.toml"]).end();
    assert_eq!(refused.code, Some(2), "{}", refused.error());
    pin(&digest);
    bench.run("probe").args(&["--config", "pin.toml"]).ok().ends().are(&[("applied", 1)]);
}

#[test]
fn which_version_of_the_contract_a_file_is_for_is_asked_once_it_is_the_right_one() {
    // Nothing that is not trusted is interpreted, its imports included.
    let bench = Bench::default();
    bench.messages(&[effect("k")]);
    bench.write("other.wasm", Case::named("wrong-version").bytes());
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let refused = |settings: &str, words: &str| {
        configure(&bench, &format!("plugin.path = \"other.wasm\"\n{settings}"));
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args(["run", "--config", "c.toml", "--input", "in.ndjson"]);
        let ended = Ended::new(command.output().unwrap());
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.error().contains(words), "{}", ended.error());
    };
    let for_another =
        "it was built for version 0.1.7 of oncegate:plugin, and this host serves 0.1.0; a newer oncegate";
    refused("", for_another);
    let digest = sha256(&bench.path("other.wasm"));
    refused(&format!("plugin.sha256 = \"{}\"\n", "0".repeat(64)), &format!("its sha256 is {digest}"));
    let signed = format!("plugin.sha256 = \"{digest}\"\nplugin.public_key = \"{}\"\n", pair.pk.to_base64());
    refused(&signed, "its signature other.wasm.minisig cannot be read");
    let bytes = std::fs::read(bench.path("other.wasm")).unwrap();
    let signature = minisign::sign(Some(&pair.pk), &pair.sk, &bytes[..], None, None).unwrap();
    bench.write("other.wasm.minisig", signature.into_string());
    refused(&signed, for_another);
}

#[test]
fn a_file_has_to_be_signed_by_the_key_that_is_set_before_anything_of_it_is_parsed() {
    let bench = Bench::default();
    bench.messages(&[effect("k")]);
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let other = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let bytes = version("probe", 1);
    bench.write("p.wasm", &bytes);
    let sign = |pair: &minisign::KeyPair, bytes: &[u8]| {
        minisign::sign(Some(&pair.pk), &pair.sk, bytes, Some("v1"), None).unwrap().into_string()
    };
    let key = pair.pk.to_base64();
    configure(&bench, &format!("plugin.public_key = \"{key}\"\n"));
    let run = || {
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args(["run", "--config", "c.toml", "--input", "in.ndjson"]);
        Ended::new(command.output().unwrap())
    };
    let refused = |words: &str| {
        let ended = run();
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.error().contains(words), "{}", ended.error());
    };
    refused("its signature p.wasm.minisig cannot be read");
    bench.write("p.wasm.minisig", "no signature at all");
    refused("p.wasm.minisig is no minisign signature");
    for wrong in [sign(&other, &bytes), sign(&pair, b"something else")] {
        bench.write("p.wasm.minisig", wrong);
        refused("it is not signed by plugin.public_key");
    }
    // Not a component at all: the signature is looked at first.
    bench.write("p.wasm", "text");
    refused("it is not signed by plugin.public_key");
    bench.write("p.wasm", &bytes);
    bench.write("p.wasm.minisig", sign(&pair, &bytes));
    let ended = run();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&key));
}

#[test]
fn a_changed_file_takes_over_by_itself_and_nothing_is_lost_or_done_twice() {
    let mut live = Live::start("");
    live.feed(50);
    live.is_exact();
    live.replace(&version("probe", 2));
    live.feed(500);
    live.wait_until_it_says(RUNS);
    live.feed(50);
    live.is_exact();
    // Written over in its place, half at first: what is loaded is whole.
    let third = version("probe", 3);
    let mut file = File::create(live.bench.path("p.wasm")).unwrap();
    file.write_all(&third[..third.len() / 2]).unwrap();
    file.write_all(&third[third.len() / 2..]).unwrap();
    drop(file);
    until("the third", || live.said().matches(RUNS).count() == 2);
    // A link that is turned to another file.
    std::fs::write(live.bench.path("four"), version("probe", 4)).unwrap();
    std::os::unix::fs::symlink("four", live.bench.path("link")).unwrap();
    std::fs::rename(live.bench.path("link"), live.bench.path("p.wasm")).unwrap();
    until("the fourth", || live.said().matches(RUNS).count() == 3);
    live.feed(50);
    live.is_exact();
    assert!(!live.end().contains("keeps its plugin"));
}

#[test]
fn a_version_that_does_not_load_leaves_the_old_one_at_work() {
    let mut live = Live::start("");
    live.feed(10);
    live.is_exact();
    live.replace(b"text");
    live.wait_until_it_says("keeps its plugin (sha256");
    live.feed(10);
    live.is_exact();
    let said = live.end();
    assert!(said.contains("it is text, not a WebAssembly component"), "{said}");
    assert_eq!(said.matches("keeps its plugin").count(), 1, "said once: {said}");
}

#[test]
fn a_version_that_fails_on_its_first_messages_gives_way_to_the_one_before() {
    let mut live = Live::start("");
    live.feed(50);
    live.is_exact();
    // It knows nothing of such messages, and rejects them.
    live.replace(&version("payment", 1));
    live.wait_until_it_says(RUNS);
    live.feed(100);
    live.wait_until_it_says("is back to the version of its plugin that it had before");
    live.feed(100);
    until("dead letters and effects", || live.outputs() + 20 >= live.fed);
    assert_eq!(lines(&live.bench.path("out.dead.ndjson")).len(), 20);
    // It does not come back by itself.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let said = live.said();
    assert_eq!(said.matches(RUNS).count(), 1, "{said}");
    // A mended one does.
    live.replace(&version("probe", 2));
    until("the mended one", || live.said().matches(RUNS).count() == 2);
    live.feed(10);
    until("more effects", || live.outputs() + 20 >= live.fed);
    assert!(!live.end().contains("quarantined"));
}

#[test]
fn a_pinned_plugin_changes_with_its_pin_on_sighup_and_what_needs_a_restart_is_refused() {
    let bench = Bench::default();
    let first = bench.write("p.wasm", version("probe", 1));
    let pin = |path: &Path| format!("plugin.sha256 = \"{}\"\n", sha256(path));
    let pinned = pin(&first);
    let mut live = Live::start_in(bench, &pinned);
    live.feed(10);
    live.is_exact();
    live.replace(&version("probe", 2));
    let hang_up = |live: &Live| signal::hang_up(live.child.id());
    hang_up(&live);
    live.wait_until_it_says("allows");
    assert!(live.said().contains("keeps its plugin"), "{}", live.said());

    configure(&live.bench, &pin(&live.bench.path("p.wasm")));
    hang_up(&live);
    live.wait_until_it_says(RUNS);
    hang_up(&live);
    live.wait_until_it_says("has this version of its plugin already");

    let pinned = pin(&live.bench.path("p.wasm"));
    configure(&live.bench, &format!("{pinned}run.concurrency = 3\npolicy.attempts = 3\n"));
    hang_up(&live);
    live.wait_until_it_says("restart needed: policy.attempts, run.concurrency changed");
    configure(&live.bench, "nonsense");
    hang_up(&live);
    live.wait_until_it_says("nothing is reloaded: c.toml:");
    live.feed(10);
    live.is_exact();
    live.end();
}

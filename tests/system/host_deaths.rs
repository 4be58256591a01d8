//! A key over which hosts die is no fault of the handler's until it runs alone.

use std::time::Duration;

use oncegate_tests::Bench;
use serde_json::json;

const POLICY: &str = r#"
[policy]
attempts = 1
host_deaths = 2
[limits]
cpu = "20s"
"#;

#[test]
fn hosts_that_die_use_up_no_attempt_and_in_the_end_the_delivery_runs_alone() {
    // Rule 6.
    let bench = Bench::default();
    bench.write("policy.toml", POLICY);
    let run = || bench.run("probe").args(&["--config", "policy.toml"]);
    let good = json!({"steps": [{"seen": "good"}, {"emit": ["t", "x"]}, {"commit": "good"}]});
    // Computes for longer than this test lets it.
    bench.messages(&[json!({"steps": [{"seen": "bad"}, {"spin": null}]}), good]);

    let mut kills = 0;
    let ended = loop {
        let mut child = run().start();
        // Until it ends by itself, because the key is given up.
        for _ in 0..150 {
            std::thread::sleep(Duration::from_millis(10));
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
        if child.try_wait().unwrap().is_some() {
            break oncegate_tests::Ended::new(child.wait_with_output().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills <= 12, "the key is never given up");
    };
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // Two hosts may die over it, the third death makes it a suspect, the fourth happens while it runs alone. One
    // attempt is allowed: a death is none.
    assert!(kills >= 4, "given up after {kills} kills");
    assert_eq!(ended.ends().of("host_died"), 1);
    let dead = bench.dead_letters();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason().starts_with("host died: "), "{}", dead[0].reason());
    assert_eq!(bench.output().len(), 1, "the other delivery was handled");
}

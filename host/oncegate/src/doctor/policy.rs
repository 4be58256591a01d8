//! A pipeline's times, against each other.

use super::Report;
use crate::config::Config;
use crate::settings::about;

/// Checks a pipeline's policy. What cannot work at all is refused when the configuration is read; this is about what
/// works and is unwise.
pub fn check(config: &Config, report: &mut Report) {
    let policy = &config.policy;
    if let Err(error) = policy.validate() {
        return report.fail(error.to_string(), "see docs/settings.md");
    }
    let (lease, window) = (about(policy.lease_ms), about(policy.window_ms));
    let limit = about(policy.handler_limit_ms);
    let take_over = policy.redelivery_ms.map(|ms| format!(", take-over {}", about(ms))).unwrap_or_default();
    report.ok(format!("the times fit together: handler {limit}, lease {lease}{take_over}, window {window}"));
    if policy.handler_limit_ms.saturating_mul(10) < policy.lease_ms {
        report.warn(
            format!("the lease ({lease}) is more than ten times the handler's limit ({limit})"),
            "shorten policy.lease: what a dead host held waits that long",
        );
    }
    if config.l1.bytes > 0 && config.l1.staleness_ms > policy.window_ms {
        report.info("l1.staleness is longer than the window: entries live no longer than the window");
    }
    if policy.shadow {
        report.warn(
            "policy.shadow is on: nothing is withheld, every duplicate has its effect",
            "set policy.shadow = false when the trial is over",
        );
    }
    if policy.outage == oncegate_dedup::Outage::Open {
        report.warn(
            "policy.outage is open: while the store does not answer, duplicates have their effect",
            "set policy.outage = \"closed\" unless a late message is worse than a doubled one",
        );
    }
}

//! What is asked of a server at the start of every connection: is it one that this store can work with?

use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};

use crate::failure::{Failure, explained};
use crate::guard::Primary;
use crate::{Script, Secret};

/// The oldest version that is worked with: scripts may use `SET … NX GET`, and no write of a script is refused
/// for want of memory once one was done.
const OLDEST_MAJOR: u32 = 7;

/// Why a server is not worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It cannot be reached, or not now.
    #[error("{0}")]
    Away(String),
    /// It is not such a server, or does not let us in.
    #[error("{0}")]
    Refused(String),
}

impl Unfit {
    /// In words.
    pub fn why(&self) -> &str {
        match self {
            Unfit::Away(why) | Unfit::Refused(why) => why,
        }
    }
}

/// What a server is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A server of its own, under an address that somebody wrote down.
    Alone,
    /// A server of its own, named by a sentinel, which may not know yet that another one took its place.
    Named,
    /// A primary of a cluster, as the cluster itself said.
    Node,
}

/// Whether the server is part of a cluster; none if it does not say.
pub async fn is_of_a_cluster(
    connection: &mut MultiplexedConnection,
    password: Option<&Secret>,
) -> Result<Option<bool>, Unfit> {
    let Ok(info) = ask(connection, cmd("INFO").arg("cluster"), password).await? else { return Ok(None) };
    Ok(Info(&text(info)).get("cluster_enabled").map(|enabled| enabled == "1"))
}

/// Checks the server, and gives what it says of itself and what its operator should know.
pub async fn greet(
    connection: &mut MultiplexedConnection,
    role: Role,
    address: String,
    password: Option<&Secret>,
    scripts: &[Script],
) -> Result<(Primary, Vec<String>), Unfit> {
    let mut warnings = Vec::new();
    let (run_id, replication_id, slots) = (String::new(), String::new(), Vec::new());
    let mut primary = Primary { address, run_id, replication_id, slots };
    match ask(connection, &cmd("INFO"), password).await? {
        Ok(info) => {
            let text = text(info);
            let info = Info(&text);
            check(&info, role, &mut warnings)?;
            primary.run_id = info.get("run_id").unwrap_or_default().to_owned();
            primary.replication_id = info.get("master_replid").unwrap_or_default().to_owned();
        }
        Err(why) => warnings.push(format!(
            "the server does not say what it is ({why}): its version, role and eviction policy are not checked"
        )),
    }
    // Asked nothing, a script does nothing; this shows that the user may run it, and spares the first call a second
    // round trip.
    for script in scripts {
        let mut eval = cmd("EVAL");
        eval.arg(script.source()).arg(0).arg(0);
        if let Err(why) = ask(connection, &eval, password).await? {
            return Err(Unfit::Refused(format!("the user may not run scripts ({why})")));
        }
    }
    Ok((primary, warnings))
}

/// The answer, or why the user may not ask.
pub async fn ask(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
    password: Option<&Secret>,
) -> Result<Result<Value, String>, Unfit> {
    let error = match connection.send_packed_command(command).await {
        Ok(Value::ServerError(error)) => error.into(),
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    match (error.code(), Failure::of(&error, password)) {
        (Some("NOPERM"), Failure::Refused(why)) => Ok(Err(why)),
        (Some("NOAUTH"), Failure::Refused(why)) => {
            Err(Unfit::Refused(format!("it wants a password ({why})")))
        }
        (_, Failure::Refused(why)) => Err(Unfit::Refused(why)),
        (
            _,
            Failure::Unknown(why) | Failure::NotYet(why) | Failure::WrongServer(why) | Failure::Moved(why),
        ) => Err(Unfit::Away(why)),
        (_, Failure::NoScript) => Err(Unfit::Refused(explained(&error, password))),
    }
}

/// A server's text.
pub fn text(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::VerbatimString { text, .. } => text,
        _ => String::new(),
    }
}

/// The lines `name:value` of `INFO`.
struct Info<'a>(&'a str);

impl Info<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .lines()
            .find_map(|line| line.split_once(':').filter(|(n, _)| *n == name))
            .map(|(_, value)| value)
    }
}

fn check(info: &Info<'_>, role: Role, warnings: &mut Vec<String>) -> Result<(), Unfit> {
    match info.get("redis_version").map(|version| (version, major(version))) {
        Some((_, Some(found))) if found >= OLDEST_MAJOR => {}
        Some((version, Some(_))) => {
            return Err(Unfit::Refused(format!(
                "its version is {version}, and {OLDEST_MAJOR}.0 or later is needed"
            )));
        }
        _ => warnings.push("the server does not tell its version: it is not checked".to_owned()),
    }
    check_role(info, role)?;
    match info.get("maxmemory_policy") {
        Some("noeviction") => {}
        Some(policy) => warnings.push(format!(
            "maxmemory-policy is {policy}: under memory pressure Redis drops records, and what they remembered \
             happens again; set it to noeviction"
        )),
        None => warnings.push("the server does not tell its maxmemory-policy: it is not checked".to_owned()),
    }
    Ok(())
}

fn check_role(info: &Info<'_>, role: Role) -> Result<(), Unfit> {
    let in_cluster = info.get("cluster_enabled") == Some("1");
    let why = match role {
        Role::Alone if in_cluster => "it is part of a Redis Cluster, and was none when we started",
        Role::Named if in_cluster => "it is part of a Redis Cluster, which has no use for sentinels",
        Role::Node if !in_cluster => "it is not part of a Redis Cluster",
        Role::Alone | Role::Named | Role::Node => {
            return check_primary(info, role);
        }
    };
    Err(Unfit::Refused(why.to_owned()))
}

fn check_primary(info: &Info<'_>, role: Role) -> Result<(), Unfit> {
    if !matches!(info.get("role"), Some("slave" | "replica")) {
        return Ok(());
    }
    match role {
        Role::Alone => {
            Err(Unfit::Refused("it is a replica, and claims are made on a primary only".to_owned()))
        }
        // Whoever named it will name another one soon.
        Role::Named => Err(Unfit::Away("the sentinels name a replica".to_owned())),
        Role::Node => Err(Unfit::Away("it is a replica now".to_owned())),
    }
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n\
                        maxmemory_policy:noeviction\r\n";

    fn checked_as(role: Role, info: &str) -> Result<Vec<String>, Unfit> {
        let mut warnings = Vec::new();
        check(&Info(info), role, &mut warnings).map(|()| warnings)
    }

    fn checked(info: &str) -> Result<Vec<String>, Unfit> {
        checked_as(Role::Alone, info)
    }

    #[test]
    fn a_server_that_cannot_be_worked_with_is_refused_by_name() {
        assert_eq!(checked(GOOD), Ok(vec![]));
        for (good, bad, named) in [
            ("7.0.15", "6.2.14", "6.2.14"),
            ("role:master", "role:slave", "replica"),
            ("cluster_enabled:0", "cluster_enabled:1", "Cluster"),
        ] {
            let error = checked(&GOOD.replace(good, bad)).unwrap_err();
            assert!(matches!(&error, Unfit::Refused(why) if why.contains(named)), "{error:?}");
        }
        assert_eq!(checked(&GOOD.replace("7.0.15", "255.255.255")), Ok(vec![]));
    }

    #[test]
    fn a_replica_under_a_name_is_a_matter_of_time() {
        let replica = GOOD.replace("role:master", "role:slave");
        assert!(matches!(checked_as(Role::Named, &replica), Err(Unfit::Away(_))));
        let node = GOOD.replace("cluster_enabled:0", "cluster_enabled:1");
        assert_eq!(checked_as(Role::Node, &node), Ok(vec![]));
        let demoted = node.replace("role:master", "role:slave");
        assert!(matches!(checked_as(Role::Node, &demoted), Err(Unfit::Away(_))));
        assert!(matches!(checked_as(Role::Node, GOOD), Err(Unfit::Refused(_))));
        assert!(matches!(checked_as(Role::Named, &node), Err(Unfit::Refused(_))));
    }

    #[test]
    fn what_loses_records_and_what_is_unknown_is_warned_about() {
        let warnings = checked(&GOOD.replace("noeviction", "allkeys-lru")).unwrap();
        assert!(warnings.len() == 1 && warnings[0].contains("allkeys-lru"), "{warnings:?}");
        assert_eq!(checked("").unwrap().len(), 2);
    }
}

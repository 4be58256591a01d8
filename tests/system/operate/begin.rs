//! Stores: begun, shown, emptied; and a cluster, which is operated like one server.

use super::*;

#[test]
fn a_store_is_begun_once_and_an_emptied_server_is_refused_until_then() {
    let redis = Redis::start();
    let url = redis.url();
    refused(&["store", "show", "--store", &url], 1, "1 sentinels are missing");
    refused(&about(&url, &["keys", "list"]), 4, "oncegate store init");
    assert!(ok(&["store", "init", "--store", &url, "--hash-tag", "t"]).contains("a store is begun"));
    let shown = ok(&["store", "show", "--store", &url]);
    assert!(shown.contains("hash tag t"), "{shown}");
    let again = ok(&["store", "init", "--store", &url, "--hash-tag", "t"]);
    assert!(again.contains("is left as it is"), "{again}");
    assert_eq!(ok(&["store", "show", "--store", &url]), shown);
    refused(&["store", "init", "--store", &url], 4, "set the same one");
    redis.ask::<()>(&["FLUSHALL"]);
    let keys = about(&url, &["keys", "list", "--hash-tag", "t"]);
    refused(&keys, 4, "oncegate store init");
    ok(&["store", "init", "--store", &url, "--hash-tag", "t"]);
    ok(&keys);
    refused(&["store", "init", "--store", "file:x"], 2, "is no Redis");
}

#[test]
fn a_cluster_is_begun_shown_checked_and_operated_like_one_server() {
    let cluster = Cluster::start();
    let url = cluster.seed().url();
    let begun = ok(&["store", "init", "--store", &url]);
    assert_eq!(begun.matches("a store is begun").count(), 3, "{begun}");
    assert_eq!(ok(&["store", "show", "--store", &url]).lines().count(), 64);
    for key in ["a", "b", "c", "d"] {
        ok(&about(&url, &["keys", "commit", key]));
    }
    assert_eq!(ok(&about(&url, &["keys", "list"])).lines().count(), 4);
    ok(&about(&url, &["keys", "forget", "c"]));
    let found = findings(&["--store", &url], 0);
    let whole = found.iter().filter(|(_, text)| text.contains("the cluster serves all of its slots"));
    assert_eq!(whole.count(), 3);
    // The streams lie on different nodes, or in different slots: append and removal are two steps.
    let mut client = cluster.client();
    client.ask::<String>(&["XADD", "orders", "*", "payload", "1"]);
    client.ask::<String>(&["XADD", "dead", "*", "id", "m", "topic", "t", "payload", "2"]);
    ok(&words(&requeue(cluster.seed(), &["--all"])));
    assert_eq!(entries(&mut client, "orders").pop().unwrap().payload(), "2");
    assert!(entries(&mut client, "dead").is_empty());
}

//! Cargo as it was before 1.77, for a tool of that time that is given this program in the place of cargo: it
//! reads package ids in the form that they had then (`name version (source)`), and does not know a licence
//! that SPDX has named since.

use crate::command::output;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::HashMap;
use std::ffi::OsString;
use std::process::Command;

/// Set to the real cargo's path where this program is to play the old one.
pub const REAL_CARGO: &str = "XTASK_REAL_CARGO";

/// Does what the real cargo does; only `metadata` is put into the old form.
pub fn play(cargo: OsString, arguments: &[String]) -> Result<()> {
    let mut cargo = Command::new(cargo);
    cargo.args(arguments);
    if arguments.first().is_some_and(|subcommand| subcommand == "metadata") {
        let mut metadata = serde_json::from_str(&output(&mut cargo)?)?;
        let ids = old_ids(&metadata).context("unexpected output of `cargo metadata`")?;
        replace(&mut metadata, &ids);
        metadata["packages"].as_array_mut().into_iter().flatten().for_each(rename_license);
        println!("{metadata}");
        return Ok(());
    }
    let status = cargo.status().context("failed to start cargo")?;
    ensure!(status.success(), "cargo failed ({status})");
    Ok(())
}

/// Each package's id, old by new.
fn old_ids(metadata: &Value) -> Option<HashMap<String, String>> {
    let old_id = |package: &Value| {
        let (name, version) = (package["name"].as_str()?, package["version"].as_str()?);
        let source = match package["source"].as_str() {
            Some(source) => source.to_owned(),
            None => {
                format!("path+file://{}", package["manifest_path"].as_str()?.strip_suffix("/Cargo.toml")?)
            }
        };
        Some((package["id"].as_str()?.to_owned(), format!("{name} {version} ({source})")))
    };
    metadata["packages"].as_array()?.iter().map(old_id).collect()
}

fn replace(value: &mut Value, ids: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(old) = ids.get(text.as_str()) {
                text.clone_from(old);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, ids)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `LicenseRef-` is how SPDX writes a licence that is on no list.
fn rename_license(package: &mut Value) {
    if let Value::String(license) = &mut package["license"] {
        *license = license.replace("Unicode-3.0", "LicenseRef-Unicode-3.0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_replaced_wherever_they_stand() {
        let mut metadata = json!({
            "packages": [
                {"id": "registry+r#a@1.0.0", "name": "a", "version": "1.0.0", "source": "registry+r"},
                {"id": "path+file:///w/b#0.1.0", "name": "b", "version": "0.1.0", "source": null,
                 "manifest_path": "/w/b/Cargo.toml"},
            ],
            "resolve": {"nodes": [{"id": "path+file:///w/b#0.1.0", "deps": [{"pkg": "registry+r#a@1.0.0"}]}]},
        });
        let ids = old_ids(&metadata).expect("complete");
        replace(&mut metadata, &ids);
        assert_eq!(metadata["packages"][0]["id"], "a 1.0.0 (registry+r)");
        let node = &metadata["resolve"]["nodes"][0];
        assert_eq!(node["id"], "b 0.1.0 (path+file:///w/b)");
        assert_eq!(node["deps"][0]["pkg"], "a 1.0.0 (registry+r)");
    }

    #[test]
    fn the_new_licence_is_renamed_also_within_an_expression() {
        let mut package = json!({"license": "(MIT OR Apache-2.0) AND Unicode-3.0"});
        rename_license(&mut package);
        assert_eq!(package["license"], "(MIT OR Apache-2.0) AND LicenseRef-Unicode-3.0");
        let mut without = json!({"license": null});
        rename_license(&mut without);
        assert_eq!(without["license"], Value::Null);
    }
}

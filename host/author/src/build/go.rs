//! Go: its compiler makes a core module of WASI preview 1, which an adapter leads to what a handler may import.

use std::path::Path;
use std::process::Command;

use super::Build;
use crate::component::{self, Adapter};
use crate::error::Error;
use crate::kit;
use crate::language::Language;
use crate::tool;
use crate::versions::Versions;

/// Where the adapter lies, in the SDK.
const ADAPTER: &str = "adapter";

pub(super) fn component(build: Build<'_>) -> Result<Vec<u8>, Error> {
    let version = Versions::read()?.tool("go").to_owned();
    let go =
        tool::find(&["go"], Language::Go, &format!("install Go {version} or later, see https://go.dev/dl"))?;
    let module = build.scratch(&format!("{}.core.wasm", build.project.name))?;
    let mut command = Command::new(go);
    command.current_dir(&build.project.folder).envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]);
    command.args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w", "-o"]);
    tool::run(command.arg(&module).arg("."))?;
    let (text, wit) = adapter(&build.project.folder)?;
    let adapter = Adapter { text: &text, wit: &wit };
    component::encode_with(&module, &build.made(&module)?, Some(&adapter))
}

/// The adapter that belongs to the project's SDK: the one in the project, or the one that this library carries.
fn adapter(project: &Path) -> Result<(Vec<u8>, String), Error> {
    let own = project.join("sdk").join(ADAPTER);
    let read = |name: &str| {
        if own.is_dir() {
            let path = own.join(name);
            return std::fs::read(&path).map_err(Error::file(&path));
        }
        let path = format!("guest-sdk/go/{ADAPTER}/{name}");
        kit::file(&path)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Error::project(path.as_ref(), "it is not part of this build"))
    };
    Ok((read("adapter.wat")?, String::from_utf8_lossy(&read("adapter.wit")?).into_owned()))
}

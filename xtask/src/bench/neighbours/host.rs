//! One process with two pipelines, the watched one on standard input and output.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::case::Case;
use super::figures::Figures;
use super::probe::Probe;
use super::server::Server;
use crate::workspace::Workspace;

/// Where one run happens.
pub struct Place<'a> {
    pub workspace: &'a Workspace,
    pub folder: &'a Path,
    /// Its folder's name, and that of its namespaces.
    pub name: String,
    /// The server of the store; none for the embedded one.
    pub server: Option<&'a Server>,
}

impl Place<'_> {
    /// Runs both pipelines, and measures the watched one for so long in each of two ways.
    pub fn measure(&self, neighbour: &Case, part: Duration) -> Result<Figures> {
        let folder = self.folder.join(&self.name);
        super::fresh(&folder)?;
        let config = folder.join("oncegate.toml");
        fs::write(&config, self.config(neighbour)).context("failed to write the configuration")?;
        let mut command = Command::new(self.workspace.built("release/oncegate"));
        command.args(["run", "--init-store", "--config"]).arg(&config).current_dir(&folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(command.spawn().context("failed to start the host")?);
        let probe = Probe::start(&mut child.0)?;
        let figures = probe.measure(part);
        let still_runs = child.0.try_wait()?.is_none();
        drop(child);
        let figures =
            figures.with_context(|| format!("beside {}: {}", neighbour.name, probe.last_words()))?;
        ensure!(still_runs, "the run beside {} ended: {}", neighbour.name, probe.last_words());
        if let Some(server) = self.server {
            server.empty()?;
        }
        fs::remove_dir_all(&folder)?;
        Ok(figures)
    }

    fn config(&self, neighbour: &Case) -> String {
        let plugin = |name: &str| self.workspace.built(format!("plugins/{name}.wasm")).display().to_string();
        let store = self.server.map_or_else(|| "file:gate.db".to_owned(), Server::url);
        format!(
            "[store]\nurl = \"{store}\"\n\n\
             [[pipeline]]\nname = \"watched\"\n\
             [pipeline.plugin]\npath = \"{}\"\n\
             [pipeline.input]\npath = \"-\"\n[pipeline.output]\ntopics = [\"*\"]\npath = \"-\"\n\
             [pipeline.dead_letters]\npath = \"watched.dead\"\n\n\
             [[pipeline]]\nname = \"neighbour\"\n\
             [pipeline.plugin]\npath = \"{}\"\n\
             [pipeline.input]\npath = \"{}\"\n[pipeline.output]\ntopics = [\"*\"]\npath = \"neighbour.out\"\n",
            plugin("payment"),
            plugin(neighbour.plugin),
            neighbour.input(self.folder).display(),
        )
    }
}

/// Ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

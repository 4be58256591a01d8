//! What is tested: a component. Whatever has to be done to have one, a build say, is done here and nowhere else.

use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::fail;

/// What the command line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    component: PathBuf,
}

impl Subject {
    /// What is at this path.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        match path.is_dir() {
            false => Ok(Self { component: path.to_owned() }),
            true => Err(fail!(
                Exit::Plugin,
                "the plugin {} is a folder: name the component in it, a .wasm file",
                path.display()
            )),
        }
    }

    /// The component's file, up to date.
    pub fn component(&self) -> Result<PathBuf, Failure> {
        Ok(self.component.clone())
    }

    /// The files whose change makes it another one.
    pub fn files(&self) -> Vec<PathBuf> {
        vec![self.component.clone()]
    }
}

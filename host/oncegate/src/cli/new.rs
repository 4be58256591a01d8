//! `oncegate new`: a project to begin with.

use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use oncegate_author::{Error, Language, Scaffold, SdkFrom};

use crate::exit::{Exit, Failure, OrExit as _};

pub fn command() -> Command {
    let languages = Language::ALL.map(Language::word);
    let lang = Arg::new("lang").long("lang").value_name("LANGUAGE").required(true).value_parser(languages);
    let sdk = Arg::new("sdk").long("sdk").value_name("WHERE").value_parser(["bundled", "published"]);
    Command::new("new")
        .about("Writes a handler's project: source, a test, and all that it needs to be built")
        .arg(lang.help("The language that it is written in"))
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .required(true)
                .help("The project's name, and that of its new folder: a-z, 0-9 and dashes"),
        )
        .arg(sdk.default_value("bundled").help(
            "Where the project has its SDK from: a copy in it, or the language's registry (once it is published)",
        ))
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let word = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let language: Language = word("lang").parse().or_exit(Exit::Usage)?;
    let sdk = if word("sdk") == "published" { SdkFrom::Published } else { SdkFrom::Bundled };
    let scaffold = Scaffold { language, name: word("name").to_owned(), sdk };
    let folder = scaffold.write(Path::new(".")).map_err(|error| {
        let exit = if matches!(error, Error::File { .. }) { Exit::File } else { Exit::Usage };
        Failure { exit, error: error.into() }
    })?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    super::print(&format!(
        "{name}: a handler in {language}

  cd {name}
  {test:<40}# its test, by the language's own runner
  oncegate build                          # makes build/{name}.wasm
  oncegate test . --input cases.ndjson    # builds it and delivers each message again, over two crashes: is its effect
                                          # there once? --watch: again with every change
",
        test = language.test_command(),
    ))
}

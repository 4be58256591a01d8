//! `oncegate doctor`: what is wrong with stores and pipelines, and what to change.

mod subject;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{operator, pipelines, print};
use crate::doctor::{Part, Report};
use crate::exit::{Exit, Failure};
use crate::fail;
use subject::{Subjects, check};

pub fn command() -> Command {
    let source = Arg::new("source").long("source").value_name("URL").action(ArgAction::Append);
    let rate = Arg::new("rate").long("rate").value_name("N/s");
    let window = Arg::new("window").long("window").value_name("TIME");
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, a line each");
    operator::with_store(Command::new("doctor"), false)
        .about("Checks stores and pipelines, and says what to change; changes nothing")
        .args(pipelines::args())
        .arg(source.help("A stream to look at: redis-stream://HOST/STREAM?group=GROUP&start=0"))
        .arg(rate.help("New keys a second, such as 200/s: says how much memory the window needs"))
        .arg(window.help("The window for that, instead of the pipelines' own [default without --config: 7d]"))
        .arg(json)
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let subjects = Subjects::new(matches)?;
    let mut report = Report::default();
    check(&subjects, &mut report)?;
    print(&if matches.get_flag("json") { report.json() } else { report.text() })?;
    match (report.failures(Part::Store), report.failures(Part::Pipeline)) {
        (0, 0) => Ok(()),
        (0, of_pipelines) => Err(fail!(Exit::Usage, "{of_pipelines} checks of pipelines failed")),
        (of_stores, of_pipelines) => Err(fail!(Exit::Store, "{} checks failed", of_stores + of_pipelines)),
    }
}

//! What may be written in a configuration, and what is said of what may not.

use anyhow::{Result, anyhow};

use super::{Origin, PLUGIN_CONFIG, SETTINGS, Settings, find, page};

fn load(text: &str) -> Result<Settings> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("oncegate.toml");
    std::fs::write(&path, text)?;
    let mut settings = Settings::defaults();
    settings.file(&path).map_err(|error| {
        let folder = format!("{}/", folder.path().display());
        anyhow!(format!("{error:#}").replace(&folder, ""))
    })?;
    Ok(settings)
}

#[test]
fn every_default_is_allowed_by_its_own_kind_and_every_path_is_unique() {
    for setting in SETTINGS {
        if let Some(default) = setting.default {
            assert!(setting.kind.parse(default).is_some(), "{}", setting.path);
        }
        assert_eq!(SETTINGS.iter().filter(|other| other.path == setting.path).count(), 1);
        assert!(!setting.help.ends_with('.'), "{}: clap adds nothing to help", setting.path);
    }
}

#[test]
fn an_error_names_file_line_key_and_what_is_allowed() {
    let cases = [
        ("[policy]\nlease = 60", "oncegate.toml:2: policy.lease takes a time such as"),
        (
            "[policy]\n\nleese = \"60s\"",
            "oncegate.toml:3: policy.leese is not a setting; [policy] has namespace,",
        ),
        (
            "[polisee]\nlease = \"60s\"",
            "oncegate.toml:1: polisee is not a setting; the tables are plugin, input",
        ),
        (
            "[[pipeline]]\nname = \"a\"\n[pipeline.host]\nhandlers = 60",
            "oncegate.toml:4: host.handlers is of the whole process: write it above the first [[pipeline]]",
        ),
        (
            "[[pipeline]]\nname = \"a\"\n[pipeline.policy]\nlease = 60",
            "oncegate.toml:4: pipeline.policy.lease takes a time such as",
        ),
        (
            "[[pipeline]]\nname = \"a\"\n[pipeline.policy]\nleese = \"60s\"",
            "oncegate.toml:4: pipeline.policy.leese is not a setting; [pipeline.policy] has namespace,",
        ),
        (
            "[[pipeline]]\nname = \"a\"\n[pipeline.polisee]\nlease = \"60s\"",
            "oncegate.toml:3: pipeline.polisee is not a setting; the tables are plugin, input",
        ),
        (
            "[[pipeline]]\nname = \"a\"\npolicy = 3",
            "oncegate.toml:3: pipeline.policy is a table: write [pipeline.policy]",
        ),
        ("[[pipeline]]\n[pipeline.policy]\n", "oncegate.toml:1: a pipeline needs a name"),
        ("[[pipeline]]\nname = \"a b\"", "oncegate.toml:2: pipeline.name takes 1 to 64"),
        ("[[pipeline]]\nname = 3", "oncegate.toml:2: pipeline.name takes 1 to 64"),
        (
            "[[pipeline]]\nname = \"a\"\n[[pipeline]]\nname = \"a\"",
            "oncegate.toml:4: line 2 has a pipeline a already: each needs a name of its own",
        ),
        ("[pipeline]\nname = \"a\"", "oncegate.toml:1: there may be several pipelines: write [[pipeline]]"),
        ("pipeline = [3]", "oncegate.toml:1: a pipeline is a table: write [[pipeline]]"),
        ("[output.streams]\norders = 3", "oncegate.toml:2: output.streams.orders takes a text"),
        ("[output.streams]\norders = \"\"", "oncegate.toml:2: output.streams.orders takes a text"),
        ("policy = 3", "oncegate.toml:1: policy is a table: write [policy]"),
        ("[input]\nformat = \"xml\"", "oncegate.toml:2: input.format takes one of auto, envelope, raw"),
        ("[limits]\nkeys = -1", "oncegate.toml:2: limits.keys takes a whole number"),
        ("[limits]\nkeys = 4294967296", "oncegate.toml:2: limits.keys takes a whole number"),
        ("[plugin.config]\nrate = 3", "oncegate.toml:2: plugin.config.rate takes a text"),
        ("a = [", "oncegate.toml:1: "),
        ("[l1]\nbytes = 1\nbytes = 2", "oncegate.toml:3: duplicate key"),
    ];
    for (text, expected) in cases {
        let error = load(text).expect_err(text).to_string();
        assert!(error.starts_with(expected), "{text:?} gave {error:?}");
        assert!(!error.contains('\n'), "{error:?}");
    }
}

#[test]
fn flags_lie_over_the_file_and_the_file_over_the_defaults() {
    let mut settings = load("[policy]\nlease = \"90s\"\nwindow = \"1d\"\n").unwrap();
    settings.flag(find("policy.window").unwrap(), "2d").unwrap();
    assert_eq!(settings.number("policy.lease"), 90_000);
    assert_eq!(settings.get("policy.window").unwrap().1, Origin::Flag("window"));
    assert_eq!(settings.get("policy.attempts").unwrap().1, Origin::Default);
    let Origin::File { line, .. } = settings.get("policy.lease").unwrap().1 else { panic!() };
    assert_eq!(line, 2);
}

#[test]
fn file_names_in_a_configuration_start_from_its_folder() {
    let settings =
        load("[input]\npath = \"in.ndjson\"\n[output]\npath = \"-\"\n[store]\nurl = \"file:g.db\"").unwrap();
    assert!(settings.text("input.path").unwrap().starts_with('/'));
    assert_eq!(settings.text("output.path"), Some("-"));
    assert!(settings.text("store.url").unwrap().starts_with("file:/"));
}

/// Two pipelines; what the first one sets stands before what the top level says.
const TWO: &str = "[[pipeline]]
name = \"a\"
[pipeline.policy]
lease = \"90s\"
[pipeline.plugin.config]
rate = \"3\"
[[pipeline]]
name = \"b\"
[plugin]
path = \"x.wasm\"
[plugin.config]
rate = \"1\"
region = \"eu\"
[policy]
lease = \"80s\"
window = \"2d\"
";

#[test]
fn a_pipeline_begins_with_what_the_top_level_says_wherever_that_stands() {
    let settings = load(TWO).unwrap();
    let [a, b] = settings.pipelines() else { panic!("{settings:?}") };
    assert_eq!((a.name(), b.name()), (Some("a"), Some("b")));
    assert_eq!((a.number("policy.lease"), b.number("policy.lease")), (90_000, 80_000));
    for pipeline in [a, b] {
        assert_eq!(pipeline.number("policy.window"), 2 * 86_400_000);
        assert_eq!(pipeline.get("policy.attempts").unwrap().1, Origin::Default);
        let Origin::File { line, .. } = pipeline.get("policy.window").unwrap().1 else { panic!() };
        assert_eq!(line, 16);
    }
    let Origin::File { line, .. } = a.get("policy.lease").unwrap().1 else { panic!() };
    assert_eq!(line, 4);
    let config = |settings: &Settings| -> Vec<(String, String)> {
        settings.free(PLUGIN_CONFIG).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let pairs = |rate: &str| [("rate".to_owned(), rate.to_owned()), ("region".to_owned(), "eu".to_owned())];
    assert_eq!(config(a), pairs("3"));
    assert_eq!(config(b), pairs("1"));
}

#[test]
fn without_pipelines_the_whole_is_the_one_pipeline() {
    let settings = load("[policy]\nlease = \"90s\"").unwrap();
    let [only] = settings.pipelines() else { panic!("{settings:?}") };
    assert_eq!((only.name(), only.number("policy.lease")), (None, 90_000));
}

#[test]
fn a_flag_lies_over_every_pipeline_unless_each_has_its_own() {
    let mut settings = load(TWO).unwrap();
    settings.flag(find("policy.lease").unwrap(), "70s").unwrap();
    settings.flag(find("plugin.path").unwrap(), "y.wasm").unwrap();
    for pipeline in settings.pipelines() {
        assert_eq!(pipeline.number("policy.lease"), 70_000);
        assert_eq!(pipeline.text("plugin.path"), Some("y.wasm"));
    }
    for path in ["input.path", "output.path", "dead_letters.path", "policy.namespace"] {
        let setting = find(path).unwrap();
        let error = settings.flag(setting, "x").unwrap_err().to_string();
        let expected = format!(
            "--{} is of one pipeline, and the configuration has several (a, b)",
            setting.flag.unwrap()
        );
        assert!(error.starts_with(&expected), "{error}");
    }
    let differ = format!("{TWO}[[pipeline]]\nname = \"c\"\n[pipeline.plugin]\npath = \"z.wasm\"");
    let error = load(&differ).unwrap().flag(find("plugin.path").unwrap(), "y.wasm").unwrap_err().to_string();
    assert!(error.starts_with("--plugin is of one pipeline"), "{error}");
    // One that stands alone has them all.
    let mut alone = load("[[pipeline]]\nname = \"a\"").unwrap();
    alone.flag(find("input.path").unwrap(), "in").unwrap();
    assert_eq!(alone.pipelines()[0].text("input.path"), Some("in"));
}

#[test]
fn a_stream_is_no_file_beside_the_configuration() {
    let url = "redis-stream://h/s?group=g&start=0";
    let settings = load(&format!("[input]\npath = \"{url}\"")).unwrap();
    assert_eq!(settings.text("input.path"), Some(url));
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    if std::env::var_os("ONCEGATE_WRITE_DOCS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(found == page(), "run the tests once with ONCEGATE_WRITE_DOCS=1 to write docs/settings.md");
}

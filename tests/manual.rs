//! The manual and the completions say what the program does: every command, option, column and exit code of the one
//! table is in them, and they have none that the program does not know.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nvme_registry::cli::Column;
use nvme_registry::cli::options::{GLOBAL, Opt};
use nvme_registry::cli::table::{COMMANDS, Command};
use nvme_registry::error::Exit;
use nvme_registry::kernel::fabrics::{FLAGS, OPTIONS, SECRETS, secret_variable};
use nvme_registry::log::FILTER_VARIABLE;

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn manual() -> String {
    file("man/nvme-registry.8")
}

/// The lines between a heading (".Ss list", ".Sh EXIT STATUS") and the next one of its rank.
fn section<'t>(page: &'t str, heading: &str) -> Vec<&'t str> {
    let rank = &heading[..3];
    let lines: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with(rank) && !line.starts_with(".Sh"))
        .collect();
    assert!(!lines.is_empty(), "the manual has no section {heading:?}");
    lines
}

/// The spellings of an option: "--transport", "-t".
fn spellings(option: &Opt) -> BTreeSet<String> {
    let mut spellings = BTreeSet::from([format!("--{}", option.long)]);
    spellings.extend(option.short.map(|short| format!("-{short}")));
    spellings
}

/// An item of an option list, ".It Fl t , -transport Ar T": its spellings, and what its value is called.
fn documented(item: &str) -> (BTreeSet<String>, Option<String>) {
    let (flags, value) = match item.split_once(" Ar ") {
        Some((flags, value)) => (flags, Some(value.replace(" , Ns Ar ", ",").replace(' ', ""))),
        None => (item, None),
    };
    (flags.split_whitespace().filter(|word| *word != ",").map(|word| format!("-{word}")).collect(), value)
}

/// The options that lines document: their spellings, and what their values are called.
fn options_in(lines: &[&str]) -> BTreeSet<(BTreeSet<String>, Option<String>)> {
    lines.iter().filter_map(|line| line.strip_prefix(".It Fl ")).map(documented).collect()
}

/// The options of the program's table, in the same form.
fn options_of(options: &[Opt]) -> BTreeSet<(BTreeSet<String>, Option<String>)> {
    options.iter().map(|option| (spellings(option), option.value.map(str::to_owned))).collect()
}

/// The sections that explain options which several commands share. A command's section refers to them.
const SHARED: [&str; 2] = ["Filters", "Output formats"];

#[test]
fn the_manual_has_every_command_and_no_other() {
    let page = manual();
    let chapter: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != ".Sh COMMANDS")
        .skip(1)
        .take_while(|line| !line.starts_with(".Sh"))
        .filter_map(|line| line.strip_prefix(".Ss "))
        .collect();
    assert_eq!(chapter, COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>());
}

#[test]
fn the_manual_has_every_option_and_no_other() {
    let page = manual();
    assert_eq!(options_in(&section(&page, ".Ss Options of every command")), options_of(GLOBAL));
    let shared = SHARED.map(|name| (name, options_in(&section(&page, &format!(".Ss {name}")))));
    let mut taken = BTreeSet::new();
    for command in COMMANDS {
        let lines = section(&page, &format!(".Ss {}", command.name));
        let wanted = options_of(command.options);
        let mut found = options_in(&lines);
        for (name, options) in &shared {
            let refers = lines.iter().any(|line| line.starts_with(&format!(".Sx {name}")));
            // An option that the command's section explains itself is another one there.
            let names = |(spelled, _): &(BTreeSet<String>, Option<String>)| spelled.first().cloned();
            let own: BTreeSet<_> = found.iter().map(names).collect();
            for option in options.intersection(&wanted).filter(|option| !own.contains(&names(option))) {
                assert!(refers, "{}: {option:?} is not in the manual, and no reference to {name}", command.name);
                taken.insert(option.clone());
                found.insert(option.clone());
            }
        }
        assert_eq!(found, wanted, "the options of {} in the manual, and in the program's table", command.name);
    }
    let explained: BTreeSet<_> = shared.into_iter().flat_map(|(_, options)| options).collect();
    assert_eq!(taken, explained, "options that the shared sections explain, and some command takes");
}

#[test]
fn the_pages_name_the_version() {
    for page in ["man/nvme-registry.8", "man/nvme-registry.5"] {
        let footer = format!(".Os nvme-registry {}", env!("CARGO_PKG_VERSION"));
        assert!(file(page).lines().any(|line| line == footer), "{page}: no {footer:?}");
    }
}

#[test]
fn the_manual_shows_usage_and_example_of_every_command() {
    let page = manual();
    for Command { name, options, .. } in COMMANDS {
        let lines = section(&page, &format!(".Ss {name}"));
        assert!(lines.contains(&format!(".Cm {name}").as_str()), "{name}: no usage in the manual");
        let usage: Vec<&str> = lines.iter().copied().take_while(|line| !line.starts_with(".Bl")).collect();
        for option in *options {
            let mut words = usage.iter().flat_map(|line| line.split_whitespace());
            let short = option.short.map(String::from);
            assert!(
                words.any(|word| word.strip_prefix('-') == Some(option.long) || Some(word) == short.as_deref()),
                "{name}: --{} is not in the usage in the manual",
                option.long
            );
        }
        let example: String = lines
            .iter()
            .skip_while(|line| !line.starts_with(".Bd -literal"))
            .take_while(|line| **line != ".Ed")
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(example.contains(&format!("nvme-registry {name}")), "{name}: no example in the manual");
    }
}

#[test]
fn the_manual_has_every_example_of_the_help() {
    let plain = manual().replace("\\(aq", "'").replace("\\e\n", "").replace("\\e", "\\");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    for command in COMMANDS {
        assert!(plain.contains(command.example), "{}: not in the manual: {}", command.name, command.example);
    }
}

#[test]
fn the_manual_has_every_exit_code_and_no_other() {
    let page = manual();
    let lines = section(&page, ".Sh EXIT STATUS");
    // The rows of the table, which have columns, are run by exit_codes.rs.
    let items = lines.iter().filter_map(|line| line.strip_prefix(".It ")).filter(|item| !item.contains(" Ta "));
    let found: Vec<&str> = items.collect();
    let wanted =
        [Exit::Done, Exit::No, Exit::Usage, Exit::System, Exit::NoController].map(|exit| exit.code().to_string());
    assert_eq!(found, wanted);
    // The program has no exit code beside these.
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error.rs")).expect("src/error.rs");
    let is_code = |line: &str| {
        let code = line.trim().strip_prefix("Exit::").and_then(|line| line.strip_suffix(','));
        code.and_then(|code| code.split_once(" => ")).is_some_and(|(_, code)| code.parse::<u8>().is_ok())
    };
    assert_eq!(source.lines().filter(|line| is_code(line)).count(), wanted.len(), "exit codes in src/error.rs");
}

#[test]
fn the_manual_has_every_option_of_the_kernel() {
    let page = manual();
    let lines = section(&page, ".Ss connect");
    for option in OPTIONS.iter().chain(&FLAGS) {
        let named = |line: &&str| line.strip_prefix(".Ic ").is_some_and(|rest| rest.split(' ').next() == Some(option));
        assert!(lines.iter().any(named), "connect: {option} is not in the manual");
    }
}

#[test]
fn the_manual_has_every_column_and_the_environment() {
    let page = manual();
    let status = section(&page, ".Ss status").join("\n");
    let json = section(&page, ".Ss JSON");
    for column in Column::ALL {
        assert!(status.contains(&column.heading()), "status: no column {}", column.heading());
        let field = format!("Ql {}", column.key());
        let named = |line: &&str| line.starts_with(".It") && format!("{line} ").contains(&format!("{field} "));
        assert!(json.iter().any(named), "JSON: no field {}", column.key());
    }
    let environment = section(&page, ".Sh ENVIRONMENT");
    for variable in SECRETS.map(secret_variable).iter().map(String::as_str).chain([FILTER_VARIABLE]) {
        assert!(environment.contains(&format!(".It Ev {variable}").as_str()), "no {variable} in the manual");
    }
}

#[test]
fn the_manual_has_every_result_of_the_schema() {
    let manual = manual();
    let words = section(&manual, ".Ss JSON");
    let schema: serde_json::Value =
        serde_json::from_str(&file("schema/nvme-registry.schema.json")).expect("the schema is JSON");
    let results = schema["$defs"]["action"]["properties"]["result"]["enum"].as_array().expect("results");
    for result in results {
        let result = format!(".Ql {}", result.as_str().expect("a word"));
        assert!(words.iter().any(|line| line.trim_end_matches(" ,") == result), "{result}");
    }
}

// The completions.

/// The options of the bash completion's line of a command, "    register) options='--owner --yes' ;;".
fn bash_options(text: &str, command: &str) -> BTreeSet<String> {
    let start = format!("    {command}) options='");
    let line = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("bash: no {command}"));
    line.split('\'').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// The options that fish offers for a command: "-n '__nvme_registry_in list status' -l traddr".
fn fish_options(text: &str, command: &str) -> BTreeSet<String> {
    let mut options = BTreeSet::new();
    for line in text.lines() {
        let Some((commands, rest)) = line
            .strip_prefix("complete -c nvme-registry -n '__nvme_registry_in ")
            .and_then(|rest| rest.split_once('\''))
        else {
            continue;
        };
        if commands.split(' ').any(|name| name == command) {
            options.extend(fish_spellings(rest));
        }
    }
    options
}

fn fish_spellings(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().take_while(|word| *word != "-d" && *word != "-a").collect();
    let spelled = |pair: &[&str]| match pair {
        ["-l", long] => Some(format!("--{long}")),
        ["-s", short] => Some(format!("-{short}")),
        _ => None,
    };
    words.windows(2).filter_map(spelled).collect()
}

/// The options of the zsh completion's block of a command, its arrays and words expanded.
fn zsh_options(text: &str, command: &str) -> BTreeSet<String> {
    let start = format!("    {command}) options=(");
    let from = text.find(&start).unwrap_or_else(|| panic!("zsh: no {command}")) + start.len();
    let block = text[from..].split(";;").next().unwrap_or_default();
    let array = |name: &str| {
        let start = format!("    {name}=(");
        let from = text.find(&start).unwrap_or_else(|| panic!("zsh: no {name}")) + start.len();
        // `(--stale --all)--entry=[...]`: what an option excludes need not be an option of the command.
        let specs = text[from..].split("\n    )\n").next().unwrap_or_default().lines();
        specs.map(|spec| spec.replacen(&exclusions(spec), "", 1) + "\n").collect::<String>()
    };
    let mut block = block.to_owned();
    for (word, content) in [
        ("$owner", "'--owner=[".to_owned()),
        ("$as", "'--as=[".to_owned()),
        ("$yes", "'--yes[".to_owned()),
        ("$wait", "'--wait=[".to_owned()),
        ("$filters", array("filters")),
        ("$json", array("json")),
        ("$listing", array("listing")),
        ("$attr", text.lines().find(|line| line.trim_start().starts_with("attr=(")).unwrap_or_default().to_owned()),
    ] {
        block = block.replace(word, &content);
    }
    zsh_spellings(&block)
}

/// The options in front of a specification that it excludes: "(--stale --all)".
fn exclusions(spec: &str) -> String {
    let spec = spec.trim_start().trim_start_matches('\'');
    let end = if spec.starts_with('(') { spec.find(')').map_or(0, |end| end + 1) } else { 0 };
    spec[..end].to_owned()
}

fn zsh_spellings(specs: &str) -> BTreeSet<String> {
    let mut options = BTreeSet::new();
    for word in specs.split(['\'', ')', '{', '}', ',', ' ', '\n']) {
        let end = word.find(['=', '[', '+']).unwrap_or(word.len());
        let spelling = &word[..end];
        let name = spelling.trim_start_matches('-');
        let letter = name.len() == 1 && spelling.len() == 2;
        let long = name.len() > 1 && spelling.starts_with("--");
        if (letter || long) && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
            options.insert(spelling.to_owned());
        }
    }
    options
}

#[test]
fn the_completions_have_every_option_and_no_other() {
    let bash = file("completions/nvme-registry.bash");
    let zsh = file("completions/_nvme-registry");
    let fish = file("completions/nvme-registry.fish");
    for command in COMMANDS {
        let wanted: BTreeSet<String> = command.options.iter().flat_map(spellings).collect();
        assert_eq!(bash_options(&bash, command.name), wanted, "bash: {}", command.name);
        assert_eq!(zsh_options(&zsh, command.name), wanted, "zsh: {}", command.name);
        assert_eq!(fish_options(&fish, command.name), wanted, "fish: {}", command.name);
    }
}

#[test]
fn the_completions_have_every_global_option_and_command() {
    let bash = file("completions/nvme-registry.bash");
    let zsh = file("completions/_nvme-registry");
    let fish = file("completions/nvme-registry.fish");
    let wanted: BTreeSet<String> = GLOBAL.iter().flat_map(spellings).collect();

    let line = bash.lines().find_map(|line| line.strip_prefix("    local global='")).unwrap_or_default();
    assert_eq!(line.trim_end_matches('\'').split(' ').map(str::to_owned).collect::<BTreeSet<_>>(), wanted, "bash");
    let block = zsh.split("    global=(\n").nth(1).and_then(|rest| rest.split("\n    )\n").next()).unwrap_or_default();
    assert_eq!(zsh_spellings(block), wanted, "zsh");
    // -V is the version before the command only.
    let version = "-n __nvme_registry_no_command -s V ";
    let lines = fish.lines().filter_map(|line| line.strip_prefix("complete -c nvme-registry "));
    let lines = lines.filter(|line| line.starts_with("-l ") || line.starts_with(version));
    let found: BTreeSet<String> = lines.flat_map(fish_spellings).collect();
    assert_eq!(found, wanted, "fish");

    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let mut bash_names = Vec::new();
    for line in bash.lines() {
        if let Some(words) =
            line.trim().strip_prefix("local commands='uevent").or_else(|| line.trim().strip_prefix("commands+='"))
        {
            bash_names.extend(words.trim_end_matches('\'').split_whitespace());
        }
    }
    assert_eq!(bash_names, names[1..], "bash");
    let zsh_block = zsh.split("    commands=(\n").nth(1).and_then(|rest| rest.split("\n    )\n").next());
    let zsh_names: Vec<&str> = zsh_block
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.trim().strip_prefix('\'')?.split(':').next())
        .collect();
    assert_eq!(zsh_names, names, "zsh");
    let start = "complete -c nvme-registry -n __nvme_registry_no_command -a ";
    let fish_names: Vec<&str> = fish.lines().filter_map(|line| line.strip_prefix(start)?.split(' ').next()).collect();
    assert_eq!(fish_names, names, "fish");
}

#[test]
fn the_completions_have_every_column_and_option_of_the_kernel() {
    for path in ["completions/nvme-registry.bash", "completions/_nvme-registry", "completions/nvme-registry.fish"] {
        let text = file(path);
        let words: BTreeSet<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
            .filter(|w| !w.is_empty())
            .collect();
        for option in OPTIONS.iter().chain(&FLAGS) {
            assert!(words.contains(option), "{path}: no {option}");
        }
        for column in Column::ALL {
            assert!(words.contains(column.heading().as_str()), "{path}: no column {}", column.heading());
        }
    }
}

//! The pages that describe files name what their reader takes, all of it and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use control_plane::definition::Definitions;
use toml::{Table, Value};

/// What stands in files: tables with their keys; the file itself has the name "".
type Keys = BTreeMap<String, BTreeSet<String>>;

/// Every table, each with a row that a key can be added to.
const WHOLE: &str = r#"
version = 1
[rules]
[[instance]]
hostname = "a"
capacity = 10
[[group]]
name = "g"
instances = ["a"]
[[project]]
name = "p"
[[inventory]]
name = "i"
[[inventory-source]]
name = "s"
inventory = "i"
[[template]]
name = "t"
[[system-job]]
name = "c"
[[workflow]]
name = "w"
[[workflow.node]]
name = "n"
starts = { template = "t" }
[[workflow.node]]
name = "m"
starts = { project = "p" }
[[launch]]
name = "x"
template = "t"
[[launch]]
template = "t"
count = 2
"#;

/// A value that each key may have.
const VALUES: &str = r#"
[""]
name = "a week"
start = "2026-01-05T00:00:00Z"
changes = ["at 3 instance remove a"]
version = 1
[rules]
preset = "awx-2024"
default_groups = ["g"]
control_plane = { group = "g", impact = 1 }
chronological = true
heartbeat_grace = 60
dispatch_grace = 60
start_limit = 5
reserve_after = 60
claims = [{ by = "job", resource = { own = "licence" }, mode = "exclusive" }]
matrices = [{ resource = { own = "licence" }, forbidden = [["exclusive", "exclusive"]] }]
[any]
name = "another"
hostname = "another"
capacity = 5
node_type = "execution"
enabled = false
instances = ["a"]
container = true
max_concurrent_jobs = 3
max_forks = 3
run = { handler = "noop" }
run_time = { uniform = [1, 2] }
endings = { failed = 0.5 }
update_on_launch = true
cache_timeout = 60
groups = ["g"]
hosts = 3
inventory = "i"
source_project = "p"
project = "p"
allow_simultaneous = true
forks = 3
impact = 3
slices = 3
priority = 3
own_keys = [{ resource = "licence", key = 7 }]
starts = { approval = { timeout = 60 } }
convergence = "all"
on_success = ["n"]
on_failure = ["n"]
always = ["n"]
template = "t"
inventory_source = "s"
system_job = "c"
workflow = "w"
command = "i"
at = 1
count = 3
every = 1
per_hour = 5
until = 100
cancel_after = 5
depends_on = ["x"]
"#;

/// What a launch may name, one of them.
const SUBJECTS: [&str; 6] = ["template", "project", "inventory_source", "system_job", "workflow", "command"];

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(path).expect("the page is there")
}

/// What stands between backticks, as far as its first word.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter_map(|word| word.split(' ').next())
}

fn is_key(word: &&str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

/// Without what stands in brackets, which are values.
fn without_values(text: &str) -> String {
    let outside = text.split('(').enumerate();
    outside
        .map(|(at, part)| if at == 0 { part } else { part.split_once(')').map_or("", |it| it.1) })
        .collect()
}

/// The rows of a page's tables of tables: `[[template]]` and its keys.
fn tables(page: &str, keys: &mut Keys) {
    for row in page.lines().filter(|line| line.starts_with("| `[")) {
        let (table, fields) = row[2..].split_once('|').expect("two columns");
        let table = table.trim_matches(['`', '[', ']', ' ']).to_owned();
        let fields = without_values(fields);
        keys.entry(table).or_default().extend(quoted(&fields).filter(is_key).map(str::to_owned));
    }
}

fn documented() -> Keys {
    let mut keys = Keys::new();
    let workloads = page("simulator/FORMAT.md");
    tables(&page("scheduler/FORMAT.md"), &mut keys);
    tables(&workloads, &mut keys);
    let below = workloads.split("### Launches\n").nth(1).expect("what a launch has");
    let launch = keys.entry("launch".to_owned()).or_default();
    let (first, fields) = below.split_once("| --- ").expect("a table");
    launch.extend(quoted(first).filter(is_key).map(str::to_owned));
    let fields = fields.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split('|').nth(1));
    launch.extend(fields.flat_map(quoted).filter(is_key).map(str::to_owned));
    let top =
        workloads.lines().find(|line| line.starts_with("At the top stand")).expect("what is at the top");
    let mut whole: BTreeSet<String> = quoted(top).filter(is_key).map(str::to_owned).collect();
    if workloads.lines().any(|line| line.starts_with("| `changes`")) {
        whole.insert("changes".to_owned());
    }
    keys.insert(String::new(), whole);
    for table in keys.keys().filter(|table| !table.is_empty()).cloned().collect::<Vec<_>>() {
        let (parent, child) = table.rsplit_once('.').unwrap_or(("", &table));
        keys.entry(parent.to_owned()).or_default().insert(child.to_owned());
    }
    keys
}

/// The row of a table that keys are added to: its last.
fn row<'f>(file: &'f mut Table, table: &str) -> &'f mut Table {
    let mut row = file;
    for part in table.split('.').filter(|part| !part.is_empty()) {
        row = match row.get_mut(part) {
            Some(Value::Array(rows)) => rows.last_mut().and_then(Value::as_table_mut),
            Some(Value::Table(table)) => Some(table),
            _ => None,
        }
        .unwrap_or_else(|| panic!("{table} is not in the whole file"));
    }
    row
}

/// What the reader says of a file with this key in this table.
fn read(table: &str, key: &str, value: Value) -> Result<Definitions, toml::de::Error> {
    let mut file: Table = WHOLE.parse().expect("TOML");
    let row = row(&mut file, table);
    match key {
        "container" => _ = row.remove("instances"),
        subject if table == "launch" && SUBJECTS.contains(&subject) => _ = row.remove("template"),
        _ => {}
    }
    // The whole file has these already, and its other parts go by them.
    let keeps_its_name = matches!(key, "name" | "hostname") && !matches!(table, "" | "launch");
    if !keeps_its_name {
        row.insert(key.to_owned(), value);
    }
    file.try_into()
}

/// What a refusal offers instead.
fn expected(error: &toml::de::Error) -> BTreeSet<String> {
    let message = error.message();
    let (_, offered) = message.split_once(", expected ").unwrap_or_else(|| panic!("{message}"));
    quoted(offered).map(|name| name.replace('-', "_")).collect()
}

#[test]
fn what_the_pages_name_the_reader_takes_and_a_simulation_begins_with_it() {
    let values: Table = VALUES.parse().expect("TOML");
    let value = |table: &str, key: &str| {
        let own = values.get(table).and_then(|own| own.get(key));
        own.or_else(|| values["any"].get(key)).unwrap_or_else(|| panic!("give {table}.{key} a value")).clone()
    };
    let documented = documented();
    let mut fed = 0;
    for (table, key) in documented.iter().flat_map(|(table, keys)| keys.iter().map(move |key| (table, key))) {
        let child = format!("{table}.{key}");
        if documented.contains_key(child.trim_start_matches('.')) {
            continue;
        }
        let file = read(table, key, value(table, key)).unwrap_or_else(|error| panic!("{child}: {error}"));
        if let Err(flaws) = simulator::file::workload(&file, simulator::Seed::new(0)) {
            panic!("{child}: {flaws}");
        }
        fed += 1;
    }
    assert!(fed > 80, "{fed} keys");
}

#[test]
fn what_the_reader_takes_the_pages_name() {
    for (table, keys) in documented() {
        let error = read(&table, "nothing-has-this", 1.into()).expect_err("it is refused");
        let documented: BTreeSet<String> = keys.iter().map(|key| key.replace('-', "_")).collect();
        assert_eq!(
            documented,
            expected(&error),
            "{table}: left is what pages name, right what the reader takes"
        );
    }
}

#[test]
fn each_form_of_a_value_that_the_reader_takes_stands_on_a_page() {
    let pages = page("simulator/FORMAT.md") + &page("scheduler/FORMAT.md");
    for (table, key) in [("template", "run_time"), ("template", "endings"), ("workflow.node", "starts")] {
        let unknown: Table = "nothing-has-this = 1".parse().expect("TOML");
        let error = read(table, key, unknown.into()).expect_err("it is refused");
        for form in expected(&error) {
            let written = [form.clone(), form.replace('_', "-")].map(|form| format!("{form} = "));
            assert!(written.iter().any(|form| pages.contains(form.as_str())), "{key}: {form} is on no page");
        }
    }
}

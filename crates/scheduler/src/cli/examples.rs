//! Examples of commands, for their `--help` and their manual pages. A test parses each of them.

pub(crate) const PLAN: &str = "\
Examples:
  scheduler plan snapshot.json
  scheduler snapshot | scheduler plan -
  scheduler plan snapshot.json --only starts --limit 0
  scheduler plan snapshot.json --rules awx-2024 --json > plan.json";

pub(crate) const EXPLAIN: &str = "\
Examples:
  scheduler explain 42
  scheduler explain snapshot.json 42
  scheduler explain snapshot.json 42 --rules awx-2024";

pub(crate) const AUDIT: &str = "\
Examples:
  scheduler audit snapshot.json plan.json
  scheduler plan snapshot.json --json | scheduler audit snapshot.json -";

pub(crate) const SCHEMA: &str = "\
Examples:
  scheduler schema snapshot > snapshot.schema.json
  scheduler schema plan";

pub(crate) const RULES: &str = "\
Examples:
  scheduler rules
  scheduler rules --rules awx-2024
  scheduler rules --json > rules.json";

pub(crate) const IMPORT: &str = "\
Examples:
  scheduler import swf log.swf.gz --instances 16 | scheduler plan -
  scheduler import swf log.swf.gz --at 86400 --output snapshot.json
  scheduler import wfcommons run.json --output snapshot.json";

pub(crate) const DEMO: &str = "\
Examples:
  scheduler demo
  scheduler demo | less";

pub(crate) const MIGRATE: &str = "\
Examples:
  scheduler migrate --database-url postgres://postgres@127.0.0.1:5432/postgres
  scheduler migrate --database-schema staging";

pub(crate) const APPLY: &str = "\
Examples:
  scheduler apply examples/cluster.toml
  scheduler apply -";

pub(crate) const CANCEL: &str = "\
Examples:
  scheduler cancel 42
  scheduler cancel 42 43 44";

pub(crate) const APPROVE: &str = "\
Examples:
  scheduler approve 42";

pub(crate) const DENY: &str = "\
Examples:
  scheduler deny 42";

pub(crate) const STATUS: &str = "\
Examples:
  scheduler status
  scheduler status --json";

pub(crate) const OUTPUT: &str = "\
Examples:
  scheduler output 42";

pub(crate) const PURGE: &str = "\
Examples:
  scheduler purge --older-than 90d --dry-run
  scheduler purge --older-than 30d
  scheduler purge --older-than 2w --json | jq .kept
  scheduler system-job set purge -- scheduler purge --older-than 30d

Exit codes: 0 done, or nothing to do; 2 with --dry-run: there are tasks to remove; 1 an error, what was removed before it stays so";

pub(crate) const SNAPSHOT: &str = "\
Examples:
  scheduler snapshot --output snapshot.json
  scheduler snapshot | scheduler explain - 42";

pub(crate) const RPC: &str = "\
Examples:
  scheduler rpc status
  scheduler rpc running
  scheduler rpc cancel 42";

pub(crate) const INSTANCE: &str = "\
Examples:
  scheduler instance list
  scheduler instance set exec-1 --capacity 50
  scheduler instance remove exec-1";

pub(crate) const GROUP: &str = "\
Examples:
  scheduler group list
  scheduler group set datacentre --instances exec-1,exec-2 --max-forks 80
  scheduler group remove datacentre";

pub(crate) const PROJECT: &str = "\
Examples:
  scheduler project list
  scheduler project set site-code --update-on-launch --cache-timeout 300 -- git -C /srv/site pull
  scheduler project remove site-code";

pub(crate) const INVENTORY: &str = "\
Examples:
  scheduler inventory list
  scheduler inventory set production --hosts 120
  scheduler inventory remove production";

pub(crate) const INVENTORY_SOURCE: &str = "\
Examples:
  scheduler inventory-source list
  scheduler inventory-source set cloud --inventory production --update-on-launch -- fetch-hosts --all
  scheduler inventory-source remove cloud";

pub(crate) const TEMPLATE: &str = "\
Examples:
  scheduler template list
  scheduler template set deploy-web --project site-code --inventory production -- ansible-playbook site.yml
  scheduler template set deploy-web --priority 10
  scheduler template remove deploy-web";

pub(crate) const SYSTEM_JOB: &str = "\
Examples:
  scheduler system-job list
  scheduler system-job set clean-up -- find /var/cache/jobs -mtime +30 -delete
  scheduler system-job remove clean-up";

pub(crate) const WORKFLOW: &str = "\
Examples:
  scheduler workflow list
  scheduler workflow set release --from release.toml
  scheduler workflow remove release";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use clap::{CommandFactory as _, Parser as _};

    use crate::cli::Cli;

    /// The words of a command as a shell makes them of it, as far as the examples need one.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for letter in line.chars() {
            match letter {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                letter => words.last_mut().unwrap().push(letter),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    /// The commands of the program in a line: between pipes, up to redirections and comments.
    fn commands(line: &str) -> impl Iterator<Item = Vec<String>> {
        let line =
            line.trim().split(" > ").next().and_then(|line| line.split(" #").next()).unwrap_or_default();
        let parts = line.split(" | ").flat_map(|part| part.split(" && "));
        parts.map(|part| part.trim().trim_end_matches('&').trim()).filter_map(|part| {
            let own =
                part.strip_prefix("scheduler ").or_else(|| part.strip_prefix("cargo run --release -- "))?;
            Some(words(&format!("scheduler {own}")))
        })
    }

    fn parses(words: &[String], place: &str) {
        let parsed = Cli::try_parse_from(words);
        assert!(parsed.is_ok(), "{place}: {words:?}: {}", parsed.err().unwrap());
    }

    #[test]
    fn every_command_has_examples_and_each_is_one() {
        let cli = Cli::command();
        for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let lines = help.lines().filter(|line| line.starts_with("  "));
            let examples: Vec<Vec<String>> = lines.flat_map(commands).collect();
            let own = ["scheduler".to_owned(), command.get_name().to_owned()];
            assert!(examples.iter().any(|words| words.starts_with(&own)), "{own:?} has no example");
            for words in examples {
                parses(&words, "--help");
            }
        }
    }

    /// The README and its neighbours, and the book.
    fn pages() -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let files =
            [root.clone(), root.join("docs")].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let paths = files.map(|file| file.unwrap().path());
        let pages = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        pages.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
    }

    #[test]
    fn every_command_of_a_page_is_one() {
        let mut seen = 0;
        for (page, text) in pages() {
            let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
            for words in blocks.flat_map(str::lines).flat_map(commands) {
                parses(&words, &page);
                seen += 1;
            }
        }
        assert!(seen > 20, "only {seen} commands were found");
    }

    #[test]
    fn every_flag_and_command_that_a_page_speaks_of_is_there() {
        let cli = Cli::command();
        let mut flags = BTreeSet::from(["help", "version"]);
        let mut names = BTreeSet::new();
        let mut commands = vec![&cli];
        while let Some(command) = commands.pop() {
            flags.extend(command.get_arguments().filter_map(|argument| argument.get_long()));
            names.insert(command.get_name());
            commands.extend(command.get_subcommands());
        }
        for (page, text) in pages().into_iter().filter(|(page, _)| !page.ends_with("CHANGELOG.md")) {
            let prose: Vec<&str> = text.split("```").step_by(2).collect();
            for code in prose.iter().flat_map(|part| part.split('`').skip(1).step_by(2)) {
                let mut words = code.split_whitespace();
                let command = code.starts_with("scheduler ").then(|| words.nth(1)).flatten();
                assert!(command.is_none_or(|name| names.contains(name)), "{page}: no command of `{code}`");
                if code.starts_with("--") || command.is_some() {
                    let named = code.split_whitespace().filter_map(|word| word.strip_prefix("--"));
                    for flag in named.map(|flag| flag.split('=').next().unwrap_or(flag)) {
                        assert!(flags.contains(flag), "{page}: no flag of `{code}`");
                    }
                }
            }
        }
    }
}

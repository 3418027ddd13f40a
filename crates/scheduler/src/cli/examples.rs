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

    /// The commands of the program in a text: between pipes, up to redirections and comments.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let lines = text.lines().filter(|line| line.starts_with("  ")).map(str::trim);
        let lines = lines.filter_map(|line| line.split(" > ").next()?.split("  #").next());
        let parts = lines.flat_map(|line| line.split(" | ").flat_map(|part| part.split(" && ")));
        parts.map(str::trim).filter(|part| part.starts_with("scheduler ")).map(words).collect()
    }

    #[test]
    fn every_command_has_examples_and_each_is_one() {
        let cli = Cli::command();
        for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = commands(&help);
            let own = ["scheduler".to_owned(), command.get_name().to_owned()];
            assert!(examples.iter().any(|words| words.starts_with(&own)), "{own:?} has no example");
            for words in examples {
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{words:?}: {}", parsed.err().unwrap());
            }
        }
    }
}

//! A scenario file as its scenarios and the text around their expectations.

use scheduler_core::{Plan, RuleSet, Snapshot};

use super::given::Given;
use super::line::{Line, ParseError};
use super::names::Names;
use super::{render, rules};

/// One situation, one pass over it, and the plan that must come out.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The line of the file at which its `plan` stands.
    pub line: usize,
    /// The situation.
    pub snapshot: Snapshot,
    /// What the pass goes by.
    pub rules: RuleSet,
    /// The plan that must come out, rendered.
    pub expected: String,
    names: Names,
    words: bool,
}

impl Scenario {
    /// A plan for this scenario as text, to compare with what is expected.
    #[must_use]
    pub fn render(&self, plan: &Plan) -> String {
        render::plan(plan, &self.names, self.words)
    }
}

/// A file of scenarios.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// Its scenarios, in order.
    pub scenarios: Vec<Scenario>,
    /// The text before each expectation, and after the last.
    around: Vec<String>,
}

/// Where in a block the reader is.
enum Part {
    Prose,
    Given,
    Plan(RuleSet, bool, usize),
    Expected,
}

impl ScenarioFile {
    /// Reads a file; `name` is for errors.
    ///
    /// # Errors
    ///
    /// The first line that means nothing.
    pub fn parse(name: &str, text: &str) -> Result<Self, ParseError> {
        let mut file = Self { scenarios: Vec::new(), around: vec![String::new()] };
        let mut given = None;
        let mut part = Part::Prose;
        let lines: Vec<&str> = text.lines().collect();
        for (index, &text) in lines.iter().enumerate() {
            let number = index + 1;
            let line = || Line::new(name, number, text);
            if let Part::Expected = part {
                if !text.trim().is_empty() {
                    file.expect(text);
                    continue;
                }
                part = Part::Prose;
            }
            file.keep(text);
            if text.starts_with(' ') {
                match &mut part {
                    Part::Given => given.get_or_insert_with(Given::new).line(line())?,
                    Part::Plan(rules, ..) => {
                        rules::option(rules, &mut given.get_or_insert_with(Given::new).names, line())?;
                    }
                    Part::Prose | Part::Expected => {
                        return Err(line().error("an indented line belongs below `given` or `plan`"));
                    }
                }
                continue;
            }
            let mut head = line();
            part = match head.next().as_deref() {
                None => continue,
                Some("given") => {
                    let mut block = Given::new();
                    if !names_a_cluster(lines.get(number..).unwrap_or_default()) {
                        block.default_cluster();
                    }
                    given = Some(block);
                    Part::Given
                }
                Some("plan") if given.is_some() => {
                    let (rules, words) = rules::preset(&mut head)?;
                    Part::Plan(rules, words, number)
                }
                Some("----") => match (part, &given) {
                    (Part::Plan(rules, words, line), Some(Given { snapshot, names, .. })) => {
                        file.scenarios.push(Scenario {
                            line,
                            snapshot: snapshot.clone(),
                            rules,
                            expected: String::new(),
                            names: names.clone(),
                            words,
                        });
                        file.around.push(String::new());
                        Part::Expected
                    }
                    _ => return Err(head.error("`----` belongs below `plan`")),
                },
                Some(word) => {
                    return Err(head.error(format!(
                        "`{word}` stands where `given`, `plan`, `----` or a comment belongs"
                    )));
                }
            };
        }
        if file.scenarios.is_empty() {
            return Err(Line::new(name, lines.len(), "").error("the file ends before its first `----`"));
        }
        Ok(file)
    }

    /// The file with other expectations, one for each scenario.
    #[must_use]
    pub fn with_expectations(&self, expectations: &[String]) -> String {
        let mut text = String::new();
        for (index, around) in self.around.iter().enumerate() {
            text += around;
            text += expectations.get(index).map_or("", String::as_str);
        }
        text
    }

    fn keep(&mut self, line: &str) {
        if let Some(around) = self.around.last_mut() {
            *around += line;
            *around += "\n";
        }
    }

    fn expect(&mut self, line: &str) {
        if let Some(scenario) = self.scenarios.last_mut() {
            scenario.expected += line;
            scenario.expected += "\n";
        }
    }
}

/// Whether the block that begins here says what the cluster is, or that there is none.
fn names_a_cluster(lines: &[&str]) -> bool {
    let block = lines.iter().take_while(|line| line.starts_with(' ') || line.trim().is_empty());
    block
        .map(|line| line.trim_start())
        .any(|line| ["instance ", "group ", "no cluster"].iter().any(|opening| line.starts_with(opening)))
}

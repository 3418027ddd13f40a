//! The book and the other pages: rules that are cited are stated, links lead somewhere, and no program in them goes untried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::{read, root, tracked};

/// Every page, by its path; the changelog speaks of what is gone too, and is none.
pub(super) fn pages() -> BTreeMap<PathBuf, String> {
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let pages = tracked().into_iter().filter(is_page).filter(|path| path != Path::new("CHANGELOG.md"));
    pages.map(|path| (path.clone(), read(path))).collect()
}

/// A page without what stands in its code blocks.
fn prose(markdown: &str) -> String {
    markdown.split("```").step_by(2).collect()
}

/// The languages of its code blocks.
fn languages(markdown: &str) -> impl Iterator<Item = &str> {
    let blocks = markdown.split("```").skip(1).step_by(2);
    blocks.map(|block| block.lines().next().unwrap_or_default())
}

/// The targets of its links and pictures.
fn links(markdown: &str) -> Vec<String> {
    let prose = prose(markdown);
    // Without inline code, where brackets and parentheses mean something else.
    let words: String = prose.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    words.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect()
}

/// The anchors that a page sets by itself.
fn set_anchors(markdown: &str) -> Vec<&str> {
    markdown.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Everything in a page that a link can lead to: what it sets, and its headings as GitHub and mdBook name them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let prose = prose(markdown);
    let titles =
        prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let headings = titles.map(|title| {
        let kept = title.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    });
    headings.chain(set_anchors(markdown).into_iter().map(str::to_owned)).collect()
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The rules that a text cites, as `r8.3`: by their number, and in the names of tests.
fn cited(text: &str) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "._".contains(letter)));
    for word in words {
        let number =
            |text: &str| (!text.is_empty() && text.len() <= 2).then(|| text.parse::<u8>().ok()).flatten();
        let rule = |first: &str, second: Option<&str>| {
            let first = number(first)?;
            Some(second.and_then(number).map_or(format!("r{first}"), |second| format!("r{first}.{second}")))
        };
        if let Some(numbers) = word.strip_prefix('R') {
            let mut parts = numbers.split('.');
            let first = parts.next().unwrap_or_default();
            rules.extend(rule(first, parts.next()));
        } else if let Some(numbers) = word.strip_prefix('r').filter(|rest| rest.contains('_')) {
            let mut parts = numbers.split('_');
            let first = parts.next().unwrap_or_default();
            rules.extend(rule(first, parts.next()));
        }
    }
    rules
}

#[test]
fn a_citation_is_recognized() {
    let found = |text| cited(text).into_iter().collect::<Vec<_>>();
    assert_eq!(found("As R8.3 and (R12) say. R2D2, XR3, R100 and r4 do not."), ["r12", "r8.3"]);
    assert_eq!(found("fn r8_3_a_cancel() {} fn r1_to_r11_all() {} r2_rows"), ["r1", "r2", "r8.3"]);
}

#[test]
fn every_rule_that_the_tree_cites_stands_in_the_book() {
    let rules = read("docs/rules.md");
    let stated: BTreeSet<&str> = set_anchors(&rules).into_iter().collect();
    for anchor in &stated {
        let heading = rules.split(&format!("<a id=\"{anchor}\"></a>\n")).nth(1).unwrap_or_default();
        let title = heading.trim_start_matches('#').trim_start();
        let number = title.split(' ').next().unwrap_or_default();
        assert_eq!(number.to_lowercase(), *anchor, "the heading under the anchor {anchor}");
    }
    let places = ["README.md", "benches", "crates", "docs", "examples", "fuzz", "tests"];
    let mut missing = BTreeSet::new();
    for path in tracked() {
        if !places.iter().any(|place| path.starts_with(place)) || path == Path::new("tests/house/book.rs") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        let unknown = cited(&text).into_iter().filter(|rule| !stated.contains(rule.as_str()));
        missing.extend(unknown.map(|rule| format!("{rule} in {}", path.display())));
    }
    assert!(missing.is_empty(), "docs/rules.md does not state {missing:?}");
}

#[test]
fn every_rule_says_where_it_is_decided_audited_tested_and_explained() {
    let rules = read("docs/rules.md");
    for section in rules.split("\n## R").skip(1) {
        let rule = section.split(' ').next().unwrap_or_default();
        for row in ["\n| decided |", "\n| audited |", "\n| tested |", "\n| explained |"] {
            assert!(section.contains(row), "R{rule} has no row {row:?}");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut dead = Vec::new();
    for (page, text) in &pages {
        for link in links(text) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let folder = page.parent().unwrap_or(Path::new(""));
            let target = if path.is_empty() { page.clone() } else { plain(&folder.join(path)) };
            // The rendered book has nothing but itself.
            let leaves_the_book = page.starts_with("docs") && !target.starts_with("docs");
            let exists = root().join(&target).exists();
            let leads = anchor
                .is_none_or(|anchor| pages.get(&target).is_some_and(|text| anchors(text).contains(anchor)));
            if leaves_the_book || !exists || !leads {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere, or out of the book: {dead:?}");
}

#[test]
fn the_summary_lists_every_page_of_the_book() {
    let listed: BTreeSet<String> = links(&read("docs/SUMMARY.md")).into_iter().collect();
    let there =
        pages().into_keys().filter_map(|page| Some(page.strip_prefix("docs").ok()?.display().to_string()));
    let there: BTreeSet<String> = there.filter(|page| page != "SUMMARY.md").collect();
    assert_eq!(listed, there, "docs/SUMMARY.md, and the pages in docs");
}

#[test]
fn every_metric_stands_in_the_chapter_on_operating_and_no_other() {
    let name = |word: &str| format!("scheduling_{word}");
    let code = read("crates/control-plane/src/metrics.rs");
    let there: BTreeSet<String> = code
        .lines()
        .filter_map(|line| {
            line.trim()
                .split_once(" = \"")
                .filter(|(left, _)| left.chars().all(|l| l.is_uppercase() || l == '_'))
        })
        .filter_map(|(_, right)| right.strip_suffix("\";").map(name))
        .collect();
    let page = read("docs/operating.md");
    let words = page.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_'));
    let told: BTreeSet<String> =
        words.filter(|word| word.starts_with("scheduling_")).map(str::to_owned).collect();
    assert!(there.len() > 20, "{there:?}");
    assert_eq!(there, told, "crates/control-plane/src/metrics.rs, and docs/operating.md");
}

/// Compiled as documentation, a test is not run: the page shows one that is.
#[test]
fn the_test_of_a_store_that_the_book_shows_is_run() {
    let test = read("crates/control-plane/tests/conformance.rs");
    let (_, program) = test.split_once("\n\n").expect("what it is for, and then the test");
    assert!(program.lines().count() < 25, "ten lines a port, and not more: {program}");
    assert!(
        read("docs/embedding.md").contains(program),
        "docs/embedding.md shows another test than this:\n{program}"
    );
}

/// Who tries the blocks of a language: `rust` the documentation tests of testkit, `sh` and `toml` the program's own tests, and
/// what a `text` block shows is compared with what the program prints or is a drawing.
#[test]
fn no_program_of_a_page_goes_untried() {
    let testkit = read("crates/testkit/src/lib.rs");
    for (page, text) in pages() {
        if page.ends_with("FORMAT.md") {
            continue;
        }
        for language in languages(&text) {
            assert!(
                ["rust", "sh", "text", "toml", "sql"].contains(&language),
                "{}: {language:?} is tried by nobody",
                page.display()
            );
            assert!(
                language != "sql" || page == Path::new("docs/operating.md"),
                "{}: the adapter's tests run the SQL of docs/operating.md alone",
                page.display()
            );
            let included = format!("include_str!(\"../../../{}\")", page.display());
            assert!(
                language != "rust" || testkit.contains(&included),
                "testkit compiles no program of {}",
                page.display()
            );
        }
    }
}

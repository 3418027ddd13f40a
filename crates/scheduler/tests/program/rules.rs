//! `rules` prints the tables of R2 from the data that a pass goes by.

use crate::{file, run};

#[test]
fn r2_the_tables_are_those_of_the_rule_set() {
    let tower = run(&["rules"]);
    assert_eq!(tower.code, Some(0));
    assert!(tower.out.contains("slices, or none when allow_simultaneous"), "{}", tower.out);
    let rows = |out: &str| {
        let table =
            out.lines().skip_while(|line| !line.trim().starts_with("project  update")).skip(1).take(2);
        table.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(rows(&tower.out), ["update X X", "use X ."]);
    let awx = run(&["rules", "--rules", "awx-2024"]);
    assert_eq!(rows(&awx.out), ["update X .", "use X ."]);
}

#[test]
fn r2_a_rule_set_of_ones_own_is_read_and_printed() {
    let own = run(&["rules", "--json"]).out.replacen(
        "\"claims\": [",
        r#""claims": [ { "by": "job", "resource": { "own": "licence" }, "mode": "exclusive" },"#,
        1,
    );
    let own = file("own_rules.json", own);
    let ran = run(&["rules", "--rules", &own]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("licence: no matrix"), "{}", ran.out);
}

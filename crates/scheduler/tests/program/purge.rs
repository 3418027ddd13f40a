//! Removing tasks that ended long ago, on PostgreSQL.

use serde_json::{Value, json};

use crate::live::Live;
use crate::run;

/// Runs SQL in which `{s}` is the schema.
fn sql(live: &Live, statement: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let connected = tokio_postgres::connect(&live.url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("the database");
        tokio::spawn(connection);
        client.batch_execute(&statement.replace("{s}", &live.schema)).await.expect("sound SQL");
    });
}

/// Ends everything so many days ago.
fn end_all(live: &Live, days: u32) {
    let end = "UPDATE {s}.task SET status = 'successful', finished = now() - interval '1 day' * ";
    sql(live, &format!("{end}{days} WHERE finished IS NULL"));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn old_tasks_are_removed_and_what_is_kept_is_told_with_its_reason() {
    let live = Live::new();
    assert_eq!(live.run(&["launch", "system-job:no-operation", "--count", "3"]).code, Some(0));
    assert_eq!(live.run(&["launch", "project:site-code"]).code, Some(0));
    end_all(&live, 40);
    assert_eq!(live.run(&["launch", "system-job:no-operation", "--after", "1"]).code, Some(0));
    assert_eq!(live.run(&["launch", "system-job:no-operation"]).code, Some(0));

    let none = live.run(&["purge", "--older-than", "50d", "--dry-run"]);
    assert_eq!(none.code, Some(0), "{none:?}");
    assert!(none.out.starts_with("would remove nothing that ended before 2"), "{}", none.out);
    let looked = live.run(&["purge", "--older-than", "30d", "--dry-run"]);
    assert_eq!(looked.code, Some(2), "there is something to remove: {looked:?}");
    assert!(looked.out.starts_with("would remove 2 tasks that ended before 2"), "{}", looked.out);
    assert!(looked.out.contains("would keep 2 that ended before then too:\n"), "{}", looked.out);
    assert!(looked.out.contains("  1 on which tasks depend that have not ended\n"), "{}", looked.out);
    assert!(looked.out.contains("  1 as the last update of a project"), "{}", looked.out);

    let removed = live.json(&["purge", "--older-than", "30d", "--json"]);
    assert_eq!((&removed["removed"], &removed["dry_run"]), (&json!(2), &json!(false)));
    assert_eq!(removed["kept"], json!({ "dependency": 1, "last_update": 1 }));
    assert!(removed["ended_before"].as_str().is_some_and(|moment| moment.ends_with('Z')), "{removed}");
    let again = live.run(&["purge", "--older-than", "30d"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.out.starts_with("removed nothing that ended before 2"), "{}", again.out);

    let status = live.json(&["status", "--json"]);
    let ids = |of: &Value| -> Vec<Value> {
        of.as_array().into_iter().flatten().map(|task| task["id"].clone()).collect()
    };
    assert_eq!(
        (ids(&status["finished"]), ids(&status["pending"]["tasks"])),
        (vec![json!(4), json!(1)], vec![json!(5), json!(6)])
    );
    let gone = live.run(&["explain", "2"]);
    assert!(gone.err.contains("there is no task 2"), "{gone:?}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn many_tasks_go_in_portions() {
    let live = Live::new();
    assert_eq!(live.run(&["launch", "system-job:no-operation", "--count", "2500"]).code, Some(0));
    end_all(&live, 3);
    let removed = live.json(&["purge", "--older-than", "1d", "--json"]);
    assert_eq!((&removed["removed"], &removed["kept"]), (&json!(2500), &json!({})));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn a_purge_without_tables_says_how_to_make_them() {
    let live = Live::empty();
    let ran = live.run(&["purge", "--older-than", "30d"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("run `scheduler migrate`"), "{}", ran.err);
}

#[test]
fn a_purge_needs_a_database_and_an_age() {
    for (arguments, remedy) in [
        (&["purge"][..], "--older-than <AGE>"),
        (&["purge", "--older-than", "30d"], "give --database-url or set DATABASE_URL"),
        (&["purge", "--older-than", "30"], "as in 30d, 4w or 36h"),
        (&["purge", "--older-than", "-30d"], "as in 30d, 4w or 36h"),
        (&["purge", "--older-than", "10min"], "write at least 1h"),
        (&["node", "--retain", "10min"], "write at least 1h"),
        (&["node", "--retain", "30d", "--until-idle"], "cannot be used with"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(remedy), "{arguments:?}: {}", ran.err);
    }
}

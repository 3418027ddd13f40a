//! Who may change what: with the token, from here, in JSON, in few words, and what becomes of it.

use control_plane::ports::{Admin as _, Launchable, TaskFilter, TaskStatus};
use scheduler_core::{Kind, TaskId};
use serde_json::json;

use super::super::token::Token;
use super::{Heard, Port, TOKEN, job};

/// Headers of a request beside its length.
type Headers<'a> = &'a [(&'a str, &'a str)];

const JSON: (&str, &str) = ("Content-Type", "application/json");
const BEARER: (&str, &str) = ("Authorization", "Bearer a-token-of-a-test-0123456789");

pub(super) async fn cancel(port: &Port, task: TaskId) -> Heard {
    port.ask("POST", &format!("/api/tasks/{task}/cancel"), &[JSON, BEARER], "{}").await
}

async fn say(port: &Port, task: TaskId, word: &str) -> Heard {
    let body = json!({ "answer": word }).to_string();
    port.ask("POST", &format!("/api/tasks/{task}/answer"), &[JSON, BEARER], &body).await
}

#[tokio::test]
async fn without_a_token_configured_every_change_is_refused_and_says_how_to_allow_it() {
    let port = Port::open(None).await;
    let task = port.launch(job()).await;
    for heard in [cancel(&port, task).await, say(&port, task, "approve").await] {
        assert_eq!(heard.status, 403);
        let error = heard.json()["error"].clone();
        assert_eq!(error["code"], "read_only");
        let remedy = error["remedy"].as_str().unwrap();
        assert!(remedy.contains("--http-token-file") && remedy.contains("SCHEDULER_HTTP_TOKEN"), "{remedy}");
    }
    assert!(!port.store.task(task).await.unwrap().unwrap().cancel_requested);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_request_nothing_changes_and_the_status_says_what() {
    let port = Port::open(Some(TOKEN)).await;
    let task = port.launch(job()).await;
    let own = format!("http://{}", port.address);
    let long = format!("{{{}}}", " ".repeat(5000));
    let cases: [(Headers<'_>, &str, u16, &str); 14] = [
        (&[JSON], "{}", 401, "token"),
        (&[JSON, ("Authorization", "Bearer wrong-token-0123456789-0123")], "{}", 401, "token"),
        (&[JSON, ("Authorization", "Bearer ")], "{}", 401, "token"),
        (&[JSON, ("Authorization", "Basic YTpi")], "{}", 401, "token"),
        (&[JSON, ("Authorization", "Bearer a-token-of-a-test-012345678")], "{}", 401, "token"),
        (&[BEARER], "{}", 415, "not_json"),
        (&[BEARER, ("Content-Type", "text/plain")], "{}", 415, "not_json"),
        (&[BEARER, ("Content-Type", "application/x-www-form-urlencoded")], "a=b", 415, "not_json"),
        (&[BEARER, JSON, ("Origin", "http://evil.example")], "{}", 403, "cross_site"),
        (&[BEARER, JSON, ("Origin", "null")], "{}", 403, "cross_site"),
        (&[BEARER, JSON, ("Origin", &own), ("Sec-Fetch-Site", "cross-site")], "{}", 403, "cross_site"),
        (&[BEARER, JSON, ("Sec-Fetch-Site", "same-site")], "{}", 403, "cross_site"),
        (&[BEARER, JSON], &long, 413, "too_large"),
        (&[BEARER, JSON], r#"{"force": true}"#, 400, "body"),
    ];
    for (headers, body, status, code) in cases {
        let heard = port.ask("POST", &format!("/api/tasks/{task}/cancel"), headers, body).await;
        assert_eq!(heard.status, status, "{headers:?} {heard:?}");
        assert_eq!(heard.json()["error"]["code"], code, "{headers:?}");
        if status == 401 {
            assert_eq!(heard.header("www-authenticate"), "Bearer");
        }
        assert!(!String::from_utf8_lossy(&heard.body).contains(TOKEN));
    }
    for body in ["", "{}", r#"{"answer": "perhaps"}"#, "[1"] {
        let heard = port.ask("POST", &format!("/api/tasks/{task}/answer"), &[JSON, BEARER], body).await;
        assert_eq!(heard.status, 400, "{body}: {heard:?}");
    }
    assert!(!port.store.task(task).await.unwrap().unwrap().cancel_requested);
}

#[tokio::test]
async fn with_the_token_a_task_is_canceled_once() {
    let port = Port::open(Some(TOKEN)).await;
    let task = port.launch(job()).await;
    let own = format!("http://{}", port.address);
    let headers = [JSON, BEARER, ("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let heard = port.ask("POST", &format!("/api/tasks/{task}/cancel"), &headers, "{}").await;
    assert_eq!(heard.status, 200);
    assert_eq!(heard.json(), json!({ "version": 1, "task": task, "result": "requested" }));
    port.pass().await;
    let status = port.store.task(task).await.unwrap().unwrap().status;
    assert_eq!(status, TaskStatus::Canceled);
    assert_eq!(cancel(&port, task).await.status, 409, "it had ended before");
    assert_eq!(cancel(&port, TaskId::new(99)).await.status, 404);
    let waiting = port.launch(job()).await;
    port.pass().await;
    assert_eq!(cancel(&port, waiting).await.json()["result"], "canceled");
}

#[tokio::test]
async fn with_the_token_an_approval_gets_its_word_once() {
    let port = Port::open(Some(TOKEN)).await;
    for (word, status) in [("approve", TaskStatus::Successful), ("deny", TaskStatus::Failed)] {
        let workflow = port.launch(Launchable::Workflow("release".to_owned())).await;
        for _ in 0..3 {
            port.pass().await;
        }
        let unfinished = port.store.tasks(&TaskFilter::default()).await.unwrap();
        let approval = unfinished.iter().find(|task| task.kind == Kind::WorkflowApproval).unwrap().id;
        assert_eq!(say(&port, workflow, word).await.status, 409, "a workflow job is no approval");
        let heard = say(&port, approval, word).await;
        assert_eq!((heard.status, heard.json()["result"].clone()), (200, json!("recorded")));
        assert_eq!(port.store.task(approval).await.unwrap().unwrap().status, status);
        assert_eq!(say(&port, approval, word).await.status, 409, "it has its word");
        port.pass().await;
    }
    assert_eq!(say(&port, TaskId::new(99), "deny").await.status, 404);
}

#[test]
fn a_token_is_long_enough_and_fits_a_header_and_is_never_printed() {
    for (text, words) in
        [("", "0 characters"), ("short", "5 characters"), ("a token with its spaces", "spaces")]
    {
        let failure = Token::checked(text).unwrap_err().to_string();
        assert!(failure.contains(words) && failure.contains("openssl rand"), "{failure}");
        assert!(text.is_empty() || !failure.contains(text), "{failure}");
    }
    assert_eq!(format!("{:?}", Token::checked(TOKEN).unwrap()), "Token(…)");
}

//! What strangers may do without a token, and what it must not cost: connections, bytes, looks at the store.

use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::Admin as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::connections::MOST;
use super::{Port, job};

/// How many of them the port still holds: the others hear that they were let go.
async fn held(strangers: &mut [TcpStream]) -> usize {
    let mut held = 0;
    for stranger in strangers {
        let heard = tokio::time::timeout(Duration::from_millis(5), stranger.read(&mut [0])).await;
        held += usize::from(heard.is_err());
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_requests_neither_use_up_descriptors_nor_keep_anybody_out() {
    let port = Port::open(None).await;
    let mut strangers = Vec::new();
    for _ in 0..400 {
        let mut stranger = TcpStream::connect(port.address).await.unwrap();
        // One that was let go already may refuse it.
        let _sent = stranger.write_all(b"GET / HTTP/1.1\r\nHost: loc").await;
        strangers.push(stranger);
    }
    // Everybody is heard while they are there.
    for _ in 0..20 {
        assert_eq!(port.get("/healthz").await.status, 200);
    }
    let held = held(&mut strangers).await;
    assert!((1..=MOST).contains(&held), "{held} connections are held");
    let mut last = strangers.pop().unwrap();
    last.write_all(b"alhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    last.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 200"), "who came last has its place: {heard}");
}

#[tokio::test]
async fn a_head_is_bounded_in_time_in_bytes_and_in_headers() {
    let port = Port::open(None).await;
    let long = "x".repeat(40_000);
    assert_eq!(port.ask("GET", "/healthz", &[("X-Long", &long)], "").await.status, 431);
    let names: Vec<String> = (0..100).map(|number| format!("X-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(port.ask("GET", "/healthz", &many, "").await.status, 431);
    let mut silent = TcpStream::connect(port.address).await.unwrap();
    silent.write_all(b"GET /").await.unwrap();
    tokio::time::pause();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(60), silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "it is let go");
}

#[tokio::test]
async fn a_request_by_the_name_of_another_host_learns_nothing() {
    let port = Port::open(None).await;
    for path in ["/", "/metrics", "/healthz", "/api/overview", "/api/tasks/1"] {
        let mut stream = TcpStream::connect(port.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        assert!(heard.starts_with("HTTP/1.1 421") && heard.contains("--http-host"), "{path}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_looked_at_at_a_pace_whether_there_are_such_tasks_or_not() {
    let port = Arc::new(Port::open(None).await);
    let known = port.launch(job()).await;
    let began = std::time::Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for id in (0..60).map(|number| number % 12 + known.get()) {
        let port = port.clone();
        asking.spawn(async move { port.get(&format!("/api/tasks/{id}")).await.status });
    }
    let statuses = asking.join_all().await;
    assert!(statuses.iter().all(|status| [200, 404, 503].contains(status)), "{statuses:?}");
    let looked = statuses.iter().filter(|status| **status == 404).count();
    // A look in a tenth of a second, and one at once.
    let most = began.elapsed().as_millis() / 100 + 2;
    assert!(looked as u128 <= most, "{looked} looks in {:?}", began.elapsed());
}

#[tokio::test]
async fn many_refused_changes_are_refused_and_leave_the_store_alone() {
    let port = Port::open(None).await;
    let task = port.launch(job()).await;
    for _ in 0..50 {
        assert_eq!(port.ask("POST", &format!("/api/tasks/{task}/cancel"), &[], "{}").await.status, 403);
    }
    assert!(!port.store.task(task).await.unwrap().unwrap().cancel_requested);
}

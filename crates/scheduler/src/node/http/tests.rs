mod asking;
mod changes;
mod sharing;
mod strangers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use control_plane::MemoryStore;
use control_plane::definition::Definitions;
use control_plane::ports::{Admin as _, Joining, Launch, Launchable, Members as _, Passes as _, SystemClock};
use scheduler_core::{NodeType, TaskId};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::token::Token;
use super::{Site, Watched, serve};

const TOKEN: &str = "a-token-of-a-test-0123456789";

/// An image that would run a script, if it became one.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

const CLUSTER: &str = r#"
    [rules]
    default_groups = ["all"]
    [[instance]]
    hostname = "node-a"
    capacity = 10
    [[group]]
    name = "all"
    instances = ["node-a"]
    max_forks = 8
    [[system-job]]
    name = "clean-up"
    run = { handler = "noop" }
    [[inventory]]
    name = "fleet"
    [[template]]
    name = "<img src=x onerror=alert(1)>"
    inventory = "fleet"
    impact = 5
    run = { handler = "noop" }
    [[workflow]]
    name = "release"
    [[workflow.node]]
    name = "go-live?"
    starts = { approval = {} }
"#;

struct Healthy;

#[async_trait]
impl Watched for Healthy {
    async fn metrics(&self) -> String {
        "a 1\n".to_owned()
    }

    async fn ready(&self) -> Result<(), String> {
        Err("it only pretends".to_owned())
    }
}

/// A node's port with a store in memory behind it.
struct Port {
    address: SocketAddr,
    store: MemoryStore,
    _stop: DropGuard,
}

/// An answer.
#[derive(Debug)]
struct Heard {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Port {
    async fn open(token: Option<&str>) -> Self {
        let store = MemoryStore::new(Arc::new(SystemClock));
        let definitions: Definitions = toml::from_str(CLUSTER).unwrap();
        store.define(&definitions).await.unwrap();
        let joining = Joining {
            hostname: "node-a".to_owned(),
            node_type: NodeType::default(),
            capacity: None,
            takes_work: true,
            version: "1.2.3".to_owned(),
        };
        store.join(&joining).await.unwrap();
        let token = token.map(|token| Token::checked(token).unwrap());
        let site = Site::new(Arc::new(Healthy), Arc::new(store.clone()), "node-a", token, Vec::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, Arc::new(site), stop.clone()));
        Self { address, store, _stop: stop.drop_guard() }
    }

    async fn launch(&self, of: Launchable) -> TaskId {
        self.store.launch(&[Launch::of(of)]).await.unwrap()[0]
    }

    async fn pass(&self) {
        let mut pass = self.store.begin().await.unwrap().unwrap();
        let reading = pass.read().await.unwrap();
        let plan = scheduler_core::plan(&reading.snapshot, &reading.rules);
        pass.commit(&reading, &plan).await.unwrap();
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Heard {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let headers = pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Heard { status, headers, body: answer[end + 4..].to_vec() }
    }

    async fn get(&self, path: &str) -> Heard {
        self.ask("GET", path, &[], "").await
    }
}

fn job() -> Launchable {
    Launchable::JobTemplate(HOSTILE.to_owned())
}

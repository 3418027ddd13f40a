//! A store that cannot be reached: the page says so, shows what was seen last, and goes on by itself.

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::definition::Definitions;
use control_plane::ports::{Admin as _, Launch, Launchable};
use serde_json::json;
use testkit::browser::Browser;
use testkit::servers::{Relay, Site, address_of, amqp_url, database_url, through};

use crate::support::{Node, ids};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL, RabbitMQ and Chromium: scripts/test starts them"]
async fn a_store_that_cannot_be_reached_is_shown_as_stale_until_it_is_back() {
    let site = Site::new("page");
    let store = PostgresStore::connect(PostgresConfig::new(database_url()).schema(&site.schema)).unwrap();
    store.migrate().await.unwrap();
    let definitions: Definitions = serde_json::from_value(json!({
        "inventory": [{ "name": "fleet" }],
        "template": [{ "name": "deploy", "inventory": "fleet", "run": { "handler": "noop" } }],
    }))
    .unwrap();
    store.define(&definitions).await.unwrap();
    let launch = || Launch::of(Launchable::JobTemplate("deploy".to_owned()));
    store.launch(&[launch()]).await.unwrap();
    let relay = Relay::to(address_of(&database_url())).await;
    let node = Node::start(
        &["--hostname", "node-a", "--roles", "scheduler"],
        &[
            ("DATABASE_URL", &through(&database_url(), relay.address())),
            ("DATABASE_SCHEMA", &site.schema),
            ("AMQP_URL", &amqp_url()),
            ("AMQP_PREFIX", &site.prefix),
        ],
    );
    let browser = Browser::start().await;
    browser.goto(&node.url).await.unwrap();
    browser.until("document.querySelector('#queue tbody tr[data-id=\"1\"]')").await;
    relay.down();
    browser.until("document.getElementById('state').dataset.state === 'stale'").await;
    let banner = browser.text("#banner").await;
    assert!(
        banner.contains("the store cannot be reached") && banner.contains("Shown is what was seen"),
        "{banner}"
    );
    assert!(!banner.contains("postgres://"), "{banner}");
    assert_eq!(ids(&browser, "queue").await, "1", "what was seen last stays");
    browser.picture("page-stale").await;
    store.launch(&[launch()]).await.unwrap();
    relay.up();
    browser.until("document.getElementById('state').dataset.state === 'live'").await;
    browser.until("document.querySelector('#queue tbody tr[data-id=\"2\"]')").await;
    assert!(browser.run("return document.getElementById('banner').hidden").await == json!(true));
    drop(node);
    drop(store);
    site.clean_up().await;
}

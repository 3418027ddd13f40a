//! A real Chromium without a window, driven as a person would: pointer, wheel and keys, and what is then to be read on the page.
//!
//! Every [`Browser`] is a process of its own with a fresh profile, and gone when it is dropped, however the test ends. It never asks the
//! network for anything of its own. Tests that need one are ignored by default; `scripts/test` installs what is missing.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fantoccini::actions::{
    InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction, WheelAction,
    WheelActions,
};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

pub use fantoccini::key::Key;

/// A window is as large as this unless a test changes it.
pub const WIDTH: u32 = 1440;
/// And as high.
pub const HEIGHT: u32 = 900;

/// How a test waits for what a page does in its own time: so long, looking so often.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);

/// A running browser with one page. It derefs to the client of its driver.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    _driver: Driver,
}

/// The driver's process, the browser's session in it, and the profile. Dropping it ends all three.
#[derive(Debug)]
struct Driver {
    process: Child,
    port: u16,
    session: Option<String>,
    profile: PathBuf,
}

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When Chromium or its driver is not on this machine, or does not start.
    pub async fn start() -> Self {
        let mut driver = Driver::start();
        let capabilities = json!({
            "goog:chromeOptions": { "args": driver.flags() },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object is an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("chromedriver starts Chromium");
        driver.session = client.session_id().await.expect("there is a session");
        Self { client, _driver: driver }
    }

    /// Opens a page of a file.
    ///
    /// # Panics
    ///
    /// When the browser is gone.
    pub async fn open(&self, file: &Path) {
        let path = file.canonicalize().expect("the page is there");
        self.client.goto(&format!("file://{}", path.display())).await.expect("the page opens");
    }

    /// What a function body in JavaScript returns.
    ///
    /// # Panics
    ///
    /// When it throws.
    pub async fn run(&self, body: &str) -> Value {
        self.client.execute(body, Vec::new()).await.unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// What an element says: its text without the spaces around it.
    ///
    /// # Panics
    ///
    /// When there is no such element.
    pub async fn text(&self, selector: &str) -> String {
        let body = format!("return document.querySelector({}).textContent.trim()", json!(selector));
        self.run(&body).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression in JavaScript is true.
    ///
    /// # Panics
    ///
    /// When it never is.
    pub async fn until(&self, expression: &str) {
        let body = format!("return Boolean({expression})");
        let began = tokio::time::Instant::now();
        while self.run(&body).await != json!(true) {
            assert!(began.elapsed() < PATIENCE, "never came true: {expression}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Presses and releases a key; special ones are those of [`Key`].
    ///
    /// # Panics
    ///
    /// When the browser is gone.
    pub async fn press(&self, key: impl Into<char> + Send) {
        let value = key.into();
        let strokes =
            KeyActions::new("keyboard".into()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.client.perform_actions(strokes).await.expect("a key can be pressed");
    }

    /// Moves the pointer to a place in the window, and clicks there if that is asked for.
    ///
    /// # Panics
    ///
    /// When the browser is gone.
    pub async fn point(&self, (x, y): (f64, f64), click: bool) {
        let mut moves =
            MouseActions::new("mouse".into()).then(PointerAction::MoveTo { duration: None, x, y });
        if click {
            moves = moves
                .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        }
        self.client.perform_actions(moves).await.expect("the pointer can be moved");
    }

    /// Drags from one place in the window to another.
    ///
    /// # Panics
    ///
    /// When the browser is gone.
    pub async fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        let moves = MouseActions::new("mouse".into())
            .then(PointerAction::MoveTo { duration: None, x: from.0, y: from.1 })
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::MoveTo { duration: None, x: to.0, y: to.1 })
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(moves).await.expect("the pointer can be dragged");
    }

    /// Turns the wheel at a place in the window; less than zero is away from the reader.
    ///
    /// # Panics
    ///
    /// When the browser is gone.
    pub async fn wheel(&self, (x, y): (i64, i64), turns: i64) {
        let scroll = WheelAction::Scroll { duration: None, x, y, delta_x: 0, delta_y: turns };
        let wheel = WheelActions::new("wheel".into()).then(scroll);
        self.client.perform_actions(wheel).await.expect("the wheel can be turned");
    }

    /// The middle of an element in the window.
    ///
    /// # Panics
    ///
    /// When there is no such element.
    pub async fn middle_of(&self, selector: &str) -> (f64, f64) {
        let body = format!(
            "const box = document.querySelector({}).getBoundingClientRect();
             return [box.x + box.width / 2, box.y + box.height / 2]",
            json!(selector)
        );
        let place = self.run(&body).await;
        (place[0].as_f64().expect("a number"), place[1].as_f64().expect("a number"))
    }

    /// Sends a command of the DevTools protocol, for what WebDriver has no word: preferences of the reader, folders for downloads.
    ///
    /// # Panics
    ///
    /// When the browser refuses it.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let call = Call { path: "goog/cdp/execute", body: json!({ "cmd": command, "params": parameters }) };
        self.client.issue_cmd(call).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Makes the page believe that the reader prefers `light` or `dark`.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Puts what is downloaded from now on into this folder.
    pub async fn download_to(&self, folder: &Path) {
        let parameters = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", parameters).await;
    }

    /// What the page complained about since the last call: errors and warnings, refused requests included.
    ///
    /// # Panics
    ///
    /// When the browser is gone.
    pub async fn complaints(&self) -> Vec<String> {
        let call = Call { path: "se/log", body: json!({ "type": "browser" }) };
        let log = self.client.issue_cmd(call).await.expect("the driver keeps a log");
        let lines = log.as_array().cloned().unwrap_or_default();
        let loud = |line: &Value| matches!(line["level"].as_str(), Some("SEVERE" | "WARNING"));
        lines
            .iter()
            .filter(|line| loud(line))
            .filter_map(|line| Some(line["message"].as_str()?.to_owned()))
            .collect()
    }

    /// Keeps a picture of the window, if `SCREENSHOTS` names a folder for them.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written to.
    pub async fn picture(&self, name: &str) {
        if let Some(folder) = env::var_os("SCREENSHOTS") {
            let image = self.client.screenshot().await.expect("the window can be seen");
            fs::create_dir_all(&folder).expect("a folder for screenshots");
            fs::write(Path::new(&folder).join(format!("{name}.png")), image).expect("the folder takes it");
        }
    }
}

impl Deref for Browser {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Driver {
    /// Starts the driver on a port that is free.
    fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let profile = env::temp_dir().join(format!("scheduler-browser.{}.{number}", std::process::id()));
        let program = env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is on this machine: `scripts/test` installs it, or CHROMEDRIVER names one");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let port = loop {
            let line = lines.next().and_then(Result::ok).expect("chromedriver says on which port it listens");
            let port = line
                .rsplit_once("successfully on port ")
                .and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
            if let Some(port) = port {
                break port;
            }
        };
        // A driver whose output nobody reads would stop at some line.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port, session: None, profile }
    }

    /// No window, nothing of the reader's, and nothing that asks the network by itself.
    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--force-device-scale-factor=1",
            "--hide-scrollbars",
        ]
        .map(str::to_owned)
        .into();
        flags.push(format!("--window-size={WIDTH},{HEIGHT}"));
        flags.push(format!("--user-data-dir={}", self.profile.display()));
        flags
    }

    /// Asks the driver to end the browser, in a way that works where no runtime does.
    fn end_session(&self, session: &str) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        // It answers when the browser is gone, and leaves the connection open.
        stream.read(&mut [0; 1024]).map(|_| ())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // What fails here is gone already, or the next line ends it.
        let _ended = self.session.take().map(|session| self.end_session(&session));
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
        let _removed = fs::remove_dir_all(&self.profile);
    }
}

/// A command of the driver's own.
#[derive(Debug)]
struct Call {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Call {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

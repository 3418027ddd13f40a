//! What is written into a page, and the page in a real Chromium: opened, hovered, zoomed, dragged, filtered, searched, walked through
//! by keys, exported, in light and in dark. What is asserted there is what a reader gets: words on the page, the exported
//! file, pixels.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

mod encoding;
mod large;
mod numbers;
mod pictures;
mod small;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

use testkit::browser::Browser;
use timeline::Picture;

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("timeline-{name}"));
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a picture's page.
fn page(name: &str, picture: &Picture<'_>) -> PathBuf {
    let path = folder(name).join("page.html");
    timeline::write(picture, BufWriter::new(File::create(&path).unwrap())).unwrap();
    path
}

/// Types into the search field.
async fn search(browser: &Browser, text: &str) {
    let body = format!(
        "const field = document.getElementById('search'); field.value = {}; field.focus();
         field.dispatchEvent(new Event('input'))",
        serde_json::json!(text)
    );
    browser.run(&body).await;
}

/// Chooses in one of the lists above the picture, by the words with which a choice begins.
async fn choose(browser: &Browser, list: &str, words: &str) {
    let body = format!(
        "const list = document.getElementById({});
         list.value = [...list.options].find((option) => option.text.startsWith({})).value;
         list.dispatchEvent(new Event('change'))",
        serde_json::json!(list),
        serde_json::json!(words)
    );
    browser.run(&body).await;
}

/// Waits until what was asked for has been drawn.
async fn drawn(browser: &Browser) {
    let script =
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
    browser.execute_async(script, Vec::new()).await.unwrap();
}

/// How many different colours the picture has, and the one in its corner.
async fn colours(browser: &Browser) -> (u64, String) {
    drawn(browser).await;
    let script = "
        const canvas = document.getElementById('canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set(new Uint32Array(data.buffer));
        return [seen.size, [...data.slice(0, 3)].join(' ')]";
    let found = browser.run(script).await;
    (found[0].as_u64().unwrap(), found[1].as_str().unwrap().to_owned())
}

/// How wide the selected bar is.
async fn width(browser: &Browser) -> f64 {
    drawn(browser).await;
    let script = "return document.getElementById('cursor').getBoundingClientRect().width";
    browser.run(script).await.as_f64().unwrap()
}

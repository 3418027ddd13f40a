//! The files of the page, in the program itself.
//!
//! Plain modules of JavaScript without a framework. Everything that comes from the store becomes text of the page by `textContent`
//! alone, and the policy that goes with every answer holds the page to that.

use hyper::header::HeaderMap;

use super::answer::Answer;
use super::prepared::Prepared;

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The file at a path, if there is one.
pub(super) fn file(path: &str, asked: &HeaderMap) -> Option<Answer> {
    let (content_type, text) = match path {
        "/" => (HTML, include_str!("page/page.html")),
        "/page.css" => (STYLE, include_str!("page/page.css")),
        "/page.js" => (SCRIPT, include_str!("page/page.js")),
        "/ask.js" => (SCRIPT, include_str!("page/ask.js")),
        "/tables.js" => (SCRIPT, include_str!("page/tables.js")),
        "/rows.js" => (SCRIPT, include_str!("page/rows.js")),
        "/task.js" => (SCRIPT, include_str!("page/task.js")),
        "/words.js" => (SCRIPT, include_str!("page/words.js")),
        "/icon.svg" => ("image/svg+xml", include_str!("page/icon.svg")),
        _ => return None,
    };
    Some(Prepared::file(content_type, text).answer(asked))
}

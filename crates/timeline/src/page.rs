//! The page: markup, style and script modules put together around the payload.
//!
//! The files beside this source hold the page; nothing of them is generated. Scripts run in one function, in the order of
//! [`SCRIPTS`], in which each may use what stands before it.

use std::io::{self, Write};

use crate::Picture;
use crate::escape::{InScript, text};
use crate::payload::payload;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 17] = [
    include_str!("page/script/decode.js"),
    include_str!("page/script/model.js"),
    include_str!("page/script/usage.js"),
    include_str!("page/script/time.js"),
    include_str!("page/script/filter.js"),
    include_str!("page/script/view.js"),
    include_str!("page/script/theme.js"),
    include_str!("page/script/pens.js"),
    include_str!("page/script/draw.js"),
    include_str!("page/script/curves.js"),
    include_str!("page/script/chain.js"),
    include_str!("page/script/selection.js"),
    include_str!("page/script/panel.js"),
    include_str!("page/script/summary.js"),
    include_str!("page/script/input.js"),
    include_str!("page/script/controls.js"),
    include_str!("page/script/main.js"),
];

/// Forbids everything but the page's own style and scripts. Markup that got in by a mistake could name no nonce inline, and could
/// reach nothing.
const POLICY: &str = "default-src 'none'; script-src 'nonce-timeline'; style-src 'nonce-timeline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// Writes it.
pub(crate) fn write(picture: &Picture<'_>, out: &mut impl Write) -> io::Result<()> {
    for (literal, hole) in parts(PAGE) {
        out.write_all(literal.as_bytes())?;
        match hole {
            "policy" => out.write_all(POLICY.as_bytes())?,
            "title" => out.write_all(text(picture.title).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "payload" => serde_json::to_writer(InScript(&mut *out), &payload(picture))?,
            "script" => {
                out.write_all(b"(() => {\n\"use strict\";\n")?;
                SCRIPTS.iter().try_for_each(|script| out.write_all(script.as_bytes()))?;
                out.write_all(b"})();\n")?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The page's text, each piece with the name of the `{{hole}}` that follows it; the last has none.
fn parts(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("}}").map(|piece| piece.split_once("{{").unwrap_or((piece, "")))
}

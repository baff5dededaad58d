//! Puts the static files and the manual into the program: each file as it is and compressed, and one hash over all of them.

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What `npm run vendor` must have put there.
const VENDORED: [&str; 6] = ["xterm.mjs", "xterm.css", "addon-fit.mjs", "novnc/core/rfb.js", "uplot.js", "uplot.css"];

/// The style sheet's parts, below `style/`, in the order in which they win: tokens first, what a phone or paper changes last.
const STYLE: [&str; 26] = [
    "tokens",
    "ground",
    "parts/icons",
    "parts/frame",
    "parts/buttons",
    "parts/states",
    "parts/facts",
    "parts/lists",
    "parts/tags",
    "parts/nics",
    "parts/network",
    "parts/charts",
    "parts/search",
    "parts/bulk",
    "parts/alerts",
    "parts/rack",
    "parts/sensors",
    "pages/overview",
    "parts/forms",
    "pages/wizard",
    "pages/console",
    "pages/find",
    "pages/manual",
    "parts/activity",
    "phone",
    "paper",
];

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for folder in ["static", "style", "manual"] {
        println!("cargo::rerun-if-changed={}", here.join(folder).display());
    }
    for name in VENDORED {
        let path = here.join("static/vendor").join(name);
        if !path.is_file() {
            println!("cargo::error=web-ui/static/vendor/{name} is missing: run `make web` (npm ci && npm run vendor)");
            return;
        }
    }
    fs::write(out.join("static.rs"), static_files(&here, &out)).expect("OUT_DIR can be written");
    fs::write(out.join("manual.rs"), manual_files(&here.join("manual"))).expect("OUT_DIR can be written");
}

/// One style sheet from its parts: one request, and a cascade whose order is written down here.
fn style_sheet(root: &Path, out: &Path) -> PathBuf {
    let part =
        |name: &str| fs::read_to_string(root.join(name).with_extension("css")).expect("a part of the style sheet");
    let all = files_below(root);
    assert_eq!(all.len(), STYLE.len(), "each file below style/ is named in STYLE");
    let path = out.join("cake.css");
    fs::write(&path, STYLE.map(part).join("\n")).expect("OUT_DIR can be written");
    path
}

fn static_files(here: &Path, out: &Path) -> String {
    let root = here.join("static");
    let name_of = |path: &Path| path.strip_prefix(&root).expect("below it").to_str().expect("ASCII names").to_owned();
    let mut files: Vec<(String, PathBuf)> = files_below(&root).into_iter().map(|path| (name_of(&path), path)).collect();
    files.push(("cake.css".into(), style_sheet(&here.join("style"), out)));
    files.sort();
    let mut code = String::from("pub const FILES: &[File] = &[\n");
    let mut hash = Sha256::new();
    for (number, (name, path)) in files.into_iter().enumerate() {
        let bytes = fs::read(&path).expect("a file just listed");
        hash.update(name.as_bytes());
        hash.update(&bytes);
        let compressed = out.join(format!("{number}.gz"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes).expect("memory takes everything");
        fs::write(&compressed, encoder.finish().expect("as above")).expect("OUT_DIR can be written");
        writeln!(
            code,
            "    File {{ name: {name:?}, plain: include_bytes!({path:?}), gzip: include_bytes!({compressed:?}) }},"
        )
        .expect("a String takes everything");
    }
    let mut digest = String::new();
    for byte in &hash.finalize()[..8] {
        write!(digest, "{byte:02x}").expect("a String takes everything");
    }
    write!(code, "];\n\npub const HASH: &str = {digest:?};\n").expect("a String takes everything");
    code
}

/// The manual: `manual/LANGUAGE/NAME.md`.
fn manual_files(root: &Path) -> String {
    let mut code = String::from("pub const PAGES: &[(&str, &str, &str)] = &[\n");
    for path in files_below(root) {
        let name = path.file_stem().and_then(|s| s.to_str()).expect("ASCII names").to_owned();
        let language =
            path.parent().and_then(Path::file_name).and_then(|s| s.to_str()).expect("ASCII names").to_owned();
        writeln!(code, "    ({language:?}, {name:?}, include_str!({path:?})),").expect("a String takes everything");
    }
    code.push_str("];\n");
    code
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

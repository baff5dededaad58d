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

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for folder in ["static", "manual"] {
        println!("cargo::rerun-if-changed={}", here.join(folder).display());
    }
    for name in VENDORED {
        let path = here.join("static/vendor").join(name);
        if !path.is_file() {
            println!("cargo::error=web-ui/static/vendor/{name} is missing: run `make web` (npm ci && npm run vendor)");
            return;
        }
    }
    fs::write(out.join("static.rs"), static_files(&here.join("static"), &out)).expect("OUT_DIR can be written");
    fs::write(out.join("manual.rs"), manual_files(&here.join("manual"))).expect("OUT_DIR can be written");
}

fn static_files(root: &Path, out: &Path) -> String {
    let mut code = String::from("pub const FILES: &[File] = &[\n");
    let mut hash = Sha256::new();
    for (number, path) in files_below(root).into_iter().enumerate() {
        let bytes = fs::read(&path).expect("a file just listed");
        let name = path.strip_prefix(root).expect("below the root").to_str().expect("ASCII names").to_owned();
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

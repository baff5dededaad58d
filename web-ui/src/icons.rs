//! The console's own pictures, all drawn alike: 16 × 16, lines of 1.5 in the colour of the text beside them.

/// An icon beside a word that says the same; readers of the page by ear hear only the word. An unknown name draws nothing.
pub fn svg(name: &str) -> String {
    let shapes = shapes(name);
    format!(r#"<svg class="icon icon-{name}" viewBox="0 0 16 16" aria-hidden="true">{shapes}</svg>"#)
}

/// The same inside another picture, which style sheets can't size.
pub fn svg_at(name: &str, y: u32) -> String {
    let shapes = shapes(name);
    format!(
        r#"<svg class="icon icon-{name}" y="{y}" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">{shapes}</svg>"#
    )
}

/// Line art unless a shape has the class `fill`.
fn shapes(name: &str) -> &'static str {
    match name {
        // places
        "overview" => r#"<path d="M2.5 7.5 8 2.8l5.5 4.7M4 6.5v6.7h8V6.5M6.6 13.2V9.6h2.8v3.6"/>"#,
        "vms" => r#"<rect x="2" y="3" width="12" height="8" rx="1.2"/><path d="M5.5 13.5h5M8 11v2.5"/>"#,
        "images" => r#"<circle cx="8" cy="8" r="5.8"/><circle cx="8" cy="8" r="1.8"/>"#,
        "disks" => {
            r#"<rect x="2" y="4.5" width="12" height="7" rx="1.2"/><path d="M4.5 8h4"/><circle class="fill" cx="11.3" cy="8" r=".9"/>"#
        }
        "servers" => {
            r#"<path d="M3.2 14.2V1.8h9.6v12.4M3.2 5.4h9.6M3.2 9h9.6M3.2 12.6h9.6"/><circle class="fill" cx="5.6" cy="3.6" r=".8"/><circle class="fill" cx="5.6" cy="7.2" r=".8"/><circle class="fill" cx="5.6" cy="10.8" r=".8"/>"#
        }
        "feed" => r#"<path d="M5.5 2v3.5M10.5 2v3.5M3.8 5.5h8.4v2.2a4.2 4.2 0 0 1-8.4 0zM8 11.9V14"/>"#,
        "cabling" => {
            r#"<rect x="2" y="2.5" width="5" height="4" rx=".8"/><rect x="9" y="9.5" width="5" height="4" rx=".8"/><path d="M4.5 6.5v5H9M7 4.5h4.5v5"/>"#
        }
        "tasks" => r#"<path d="m2.3 4.2 1.1 1.1 2-2.2M2.3 9.2l1.1 1.1 2-2.2M8 4.4h5.7M8 9.4h5.7M4 13.2h9.7"/>"#,
        "events" => r#"<path d="M2 8.5h2.6l1.6-5 3 9.4 1.9-6 .9 1.6h2"/>"#,
        "alerts" => {
            r#"<path d="M3 11.6h10c-1-1-1.4-2-1.4-4.2a3.6 3.6 0 0 0-7.2 0c0 2.2-.4 3.2-1.4 4.2zM6.6 13.4h2.8"/>"#
        }
        "settings" => {
            r#"<path d="M2.2 4.5h6M11.8 4.5h2M2.2 11.5h2M7.8 11.5h6"/><circle cx="10" cy="4.5" r="1.8"/><circle cx="6" cy="11.5" r="1.8"/>"#
        }
        "audit" => r#"<path d="M3.5 2.2h6l3 3v8.6h-9zM9.3 2.4v3h3M5.6 8.4h4.8M5.6 11h4.8"/>"#,
        "help" => {
            r#"<circle cx="8" cy="8" r="5.8"/><path d="M6.2 6.4a1.9 1.9 0 1 1 2.6 1.8c-.5.2-.8.5-.8 1.1"/><circle class="fill" cx="8" cy="11.3" r=".85"/>"#
        }
        "account" => r#"<circle cx="8" cy="5.6" r="2.6"/><path d="M2.9 13.4c.6-2.5 2.5-3.8 5.1-3.8s4.5 1.3 5.1 3.8"/>"#,
        "menu" => r#"<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>"#,
        "server" => {
            r#"<rect x="2" y="2.5" width="12" height="4.7" rx="1"/><rect x="2" y="8.8" width="12" height="4.7" rx="1"/><path d="M8.5 4.9h3M8.5 11.2h3"/><circle class="fill" cx="4.6" cy="4.9" r=".9"/><circle class="fill" cx="4.6" cy="11.2" r=".9"/>"#
        }
        "pool" => {
            r#"<ellipse cx="8" cy="4" rx="5.3" ry="1.9"/><path d="M2.7 4v8c0 1 2.4 1.9 5.3 1.9s5.3-.9 5.3-1.9V4M2.7 8c0 1 2.4 1.9 5.3 1.9s5.3-.9 5.3-1.9"/>"#
        }
        // states of a VM: the shape says it, the colour only helps
        "running" => r#"<circle class="fill" cx="8" cy="8" r="4.8"/>"#,
        "stopped" => r#"<circle cx="8" cy="8" r="4.2"/>"#,
        "paused" => r#"<path class="thick" d="M5.8 4v8M10.2 4v8"/>"#,
        "busy" => r#"<path class="turn" d="M8 3a5 5 0 1 1-4.7 3.3"/>"#,
        "failed" => r#"<path d="M8 2.6 14 13H2zM8 6.6v3"/><circle class="fill" cx="8" cy="11.2" r=".8"/>"#,
        "lost" => r#"<path d="m8 2.4 5.6 5.6L8 13.6 2.4 8z"/>"#,
        // signs beside sentences
        "good" => r#"<circle cx="8" cy="8" r="5.8"/><path d="m5.4 8.2 1.8 1.8 3.5-3.8"/>"#,
        "info" => {
            r#"<circle cx="8" cy="8" r="5.8"/><path d="M8 7.4v3.6"/><circle class="fill" cx="8" cy="5.1" r=".85"/>"#
        }
        "warning" => r#"<path d="M8 2.6 14 13H2zM8 6.6v3"/><circle class="fill" cx="8" cy="11.2" r=".8"/>"#,
        "error" => {
            r#"<path d="M5.5 2.3h5l3.2 3.2v5l-3.2 3.2h-5l-3.2-3.2v-5zM8 5v3.5"/><circle class="fill" cx="8" cy="10.8" r=".85"/>"#
        }
        "cancelled" => r#"<circle cx="8" cy="8" r="5.8"/><path d="M4.2 11.8 11.8 4.2"/>"#,
        // verbs
        "start" => r#"<path d="M5 3.2v9.6L12.8 8z"/>"#,
        "stop" => r#"<rect x="4" y="4" width="8" height="8" rx=".8"/>"#,
        "shutdown" => r#"<path d="M8 2.2v5.3M5 4a5 5 0 1 0 6 0"/>"#,
        "reset" => r#"<path d="M12.7 6.2A5 5 0 1 0 13 9M13 3v3.4H9.6"/>"#,
        "replace-engine" => r#"<path d="M3 6.2h9.6L10 3.4M13 9.8H3.4L6 12.6"/>"#,
        "pause" => r#"<path d="M5.8 3.8v8.4M10.2 3.8v8.4"/>"#,
        "resume" => r#"<path d="M3.5 4v8M6.5 4v8l6.5-4z"/>"#,
        "console" => {
            r#"<rect x="2" y="2.8" width="12" height="10.4" rx="1.2"/><path d="m4.8 6 2 2-2 2M8.5 10.2h2.8"/>"#
        }
        "delete" | "bin" => {
            r#"<path d="M2.8 4.4h10.4M6.3 4.2V2.6h3.4v1.6M4.2 4.6l.6 8.8h6.4l.6-8.8M6.9 7v4M9.1 7v4"/>"#
        }
        "add" => r#"<path d="M8 3v10M3 8h10"/>"#,
        "tag" => r#"<path d="M2.5 2.8h5.4l5.6 5.6-5.1 5.1-5.9-5.9z"/><circle cx="5.4" cy="5.7" r="1"/>"#,
        "copy" => {
            r#"<rect x="5.5" y="5.5" width="8" height="8" rx="1"/><path d="M10.5 3.5v-.3a.7.7 0 0 0-.7-.7H3.2a.7.7 0 0 0-.7.7v6.6c0 .4.3.7.7.7h.3"/>"#
        }
        "print" => r#"<path d="M4.5 6V2.5h7V6M4.5 11.5h-2V6.2h11v5.3h-2M4.5 9.5h7v4h-7z"/>"#,
        "search" => r#"<circle cx="7" cy="7" r="4.3"/><path d="m10.3 10.3 3.4 3.4"/>"#,
        "download" => r#"<path d="M8 2.5v7.3M4.8 6.8 8 10l3.2-3.2M2.8 13.3h10.4"/>"#,
        "columns" => r#"<rect x="2.3" y="3" width="11.4" height="10" rx="1"/><path d="M6.1 3v10M9.9 3v10"/>"#,
        "adopt" => r#"<path d="M8 2.5v6.2M5.2 6.2 8 9l2.8-2.8M2.7 9.5v3.7h10.6V9.5"/>"#,
        "close" => r#"<path d="m4 4 8 8M12 4l-8 8"/>"#,
        "next" => r#"<path d="m6 3.5 4.5 4.5L6 12.5"/>"#,
        "back" => r#"<path d="M10 3.5 5.5 8l4.5 4.5"/>"#,
        "up" => r#"<path d="M8 12.5v-9M4.5 7 8 3.5 11.5 7"/>"#,
        "down" => r#"<path d="M8 3.5v9M4.5 9 8 12.5 11.5 9"/>"#,
        "light" => {
            r#"<circle cx="8" cy="8" r="2.7"/><path d="M8 1.7v1.5M8 12.8v1.5M1.7 8h1.5M12.8 8h1.5M3.5 3.5l1.1 1.1M11.4 11.4l1.1 1.1M12.5 3.5l-1.1 1.1M4.6 11.4l-1.1 1.1"/>"#
        }
        "dark" => r#"<path d="M13.2 9.7A5.7 5.7 0 0 1 6.3 2.8a5.7 5.7 0 1 0 6.9 6.9z"/>"#,
        "auto" => r#"<circle cx="8" cy="8" r="5.5"/><path class="fill" d="M8 2.5a5.5 5.5 0 0 1 0 11z"/>"#,
        "language" => {
            r#"<circle cx="8" cy="8" r="5.8"/><path d="M2.3 8h11.4M8 2.2c2 1.7 2.6 3.7 2.6 5.8S10 12.1 8 13.8C6 12.1 5.4 10.1 5.4 8S6 3.9 8 2.2z"/>"#
        }
        "key" => r#"<circle cx="5.2" cy="10.8" r="2.7"/><path d="m7.2 8.8 5.6-5.6M10.3 5.7l2 2"/>"#,
        "more" => {
            r#"<circle class="fill" cx="3.5" cy="8" r="1.1"/><circle class="fill" cx="8" cy="8" r="1.1"/><circle class="fill" cx="12.5" cy="8" r="1.1"/>"#
        }
        "logout" => r#"<path d="M6.5 2.8H3v10.4h3.5M10 5l3 3-3 3M13 8H6.5"/>"#,
        "linux" => r#"<rect x="2" y="2.8" width="12" height="10.4" rx="1.2"/><path d="m4.8 6 2 2-2 2M8.5 10.2h2.8"/>"#,
        "kernel" => {
            r#"<rect x="4.5" y="4.5" width="7" height="7" rx="1"/><path d="M6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14"/>"#
        }
        _ => "",
    }
}

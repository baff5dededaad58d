//! Lists as CSV (RFC 4180), for spreadsheets.

use crate::frame::Frame;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A file `NAME.csv`; `columns` are ids of `column-…`.
pub fn answer<const N: usize>(
    f: &Frame,
    name: &'static str,
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Response {
    // A byte order mark: spreadsheets would take UTF-8 for something else without it.
    let mut text = String::from("\u{feff}");
    line(&mut text, &columns.map(|id| f.t(format!("column-{id}")).to_owned()));
    rows.for_each(|row| line(&mut text, &row));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (headers, text).into_response()
}

/// One record.
fn line(out: &mut String, fields: &[String]) {
    for (number, field) in fields.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push('"');
        // A spreadsheet must not take a text for a formula.
        if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            out.push('\'');
        }
        out.push_str(&field.replace('"', "\"\""));
        out.push('"');
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_gets_texts_not_formulas() {
        let mut out = String::new();
        line(&mut out, &["=1+1".into(), "say \"hi\"".into()]);
        assert_eq!(out, "\"'=1+1\",\"say \"\"hi\"\"\"\r\n");
    }
}

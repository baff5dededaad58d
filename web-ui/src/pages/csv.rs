//! Lists as CSV (RFC 4180), for spreadsheets.

use crate::frame::Frame;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cake_planner::csv;

/// A file `NAME.csv`; `columns` are ids of `column-…`.
pub fn answer<const N: usize>(
    f: &Frame,
    name: &'static str,
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Response {
    let mut text = String::from(csv::BYTE_ORDER_MARK);
    csv::record(&mut text, &columns.map(|id| f.t(format!("column-{id}"))));
    rows.for_each(|row| csv::record(&mut text, &row));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (headers, text).into_response()
}
